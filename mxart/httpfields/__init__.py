"""The values of HTTP fields and targets (RFC 9110, 9111, 9112, 9211) as pure functions, one file a subject.

Nothing here knows a connection, a clock or a repository. What a client sends wrongly raises `Invalid`, or is ignored
where the RFC says so; "not modified" and "no such range" are results, not exceptions.
"""
