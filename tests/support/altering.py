#!/usr/bin/env python3
"""altering.py URL FILTER: an HTTP server that answers as URL does, but as jq changes each answer by FILTER.

Prints the port that it listens on.
"""
import subprocess
import sys
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer


class Altering(BaseHTTPRequestHandler):
    def do_GET(self):
        request = urllib.request.Request(sys.argv[1] + self.path, headers={"Authorization": self.headers["Authorization"]})
        try:
            with urllib.request.urlopen(request) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        body = subprocess.run(["jq", "-c", sys.argv[2]], input=body, stdout=subprocess.PIPE, check=True).stdout
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Altering)
print(server.server_address[1], flush=True)
server.serve_forever()
