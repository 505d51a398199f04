"""Configurations that several commands are tried with."""

# a server that is reached by several names
MANY_NAMES = """
[server]
listen = ["127.0.0.2:8080"]
public_url = "https://mx.example.org/art"
[[repository]]
name = "go"
format = "go"
kind = "proxy"
upstream = "https://go.example.org"
hosts = [ { listener = "main", host = "go.example.com" }, { listener = "main", host = "*" } ]
"""
