"""The pages that people see: view functions over ``templates/``, and what these load from ``static/``.

They work without JavaScript, ask nothing of any other host, and hold nothing inline that a Content-Security-Policy
would have to allow.
"""
