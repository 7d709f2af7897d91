#!/usr/bin/python3
"""Requests a URL with Python's own TLS and prints the status. Without an answer it prints the reason to stderr and ends with 1.

    rest_client.py https://127.0.0.1:8080/healthz --ca FILE [--cert FILE --key FILE]
"""
import argparse
import ssl
import sys
import urllib.error
import urllib.request

SECONDS = 10

parser = argparse.ArgumentParser()
parser.add_argument('url')
parser.add_argument('--ca', required=True)
parser.add_argument('--cert')
parser.add_argument('--key')
options = parser.parse_args()

context = ssl.create_default_context(cafile=options.ca)
if options.cert:
    context.load_cert_chain(options.cert, options.key)
try:
    with urllib.request.urlopen(options.url, timeout=SECONDS, context=context) as response:
        print(response.status)
except (OSError, urllib.error.URLError) as error:
    sys.exit(f'{type(error).__name__}: {error}')
