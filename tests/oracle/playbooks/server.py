"""The web server that the cases of get_url, uri and unarchive talk to, on the node's own loopback, port 8080.

/files/NAME      a file below /srv/www, with If-Modified-Since (the files are dated 2020)
/echo            method, some headers and the body of the request, as JSON
/status/CODE     that status and the body "status CODE"
/redirect        to /echo by 302
/private         401 without the name "pat" and the password "secret"
/text            plain text
/slow            answers after 3 s
/cookie          sets a cookie
/reset           closes the connection without an answer
"""

import base64
import http.server
import json
import pathlib
import time

SHOWN = ("accept", "authorization", "content-type", "user-agent", "x-test", "cookie", "content-length")
DATED = "Wed, 01 Jan 2020 00:00:00 GMT"


class Handler(http.server.BaseHTTPRequestHandler):
    # no word of time or version gets into a record
    def version_string(self):
        return "case"

    def date_time_string(self, timestamp=None):
        return DATED

    def log_message(self, *told):
        pass

    def answer(self, code, body=b"", kind="text/plain", **headers):
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_request(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path.startswith("/files/"):
            file = pathlib.Path("/srv/www") / path.removeprefix("/files/")
            if not file.is_file():
                self.answer(404, b"no such file")
            elif self.headers.get("If-Modified-Since"):
                self.answer(304)
            else:
                self.answer(200, file.read_bytes(), "application/octet-stream", Last_Modified=DATED)
        elif path == "/echo":
            told = {name: self.headers[name] for name in SHOWN if name in self.headers}
            told = {"method": self.command, "path": self.path, "headers": told, "body": body.decode("latin-1")}
            self.answer(200, json.dumps(told).encode(), "application/json")
        elif path.startswith("/status/"):
            self.answer(int(path.removeprefix("/status/")), f"status {path.removeprefix('/status/')}".encode())
        elif path == "/redirect":
            self.answer(302, b"", Location="/echo")
        elif path == "/private":
            given = base64.b64encode(b"pat:secret").decode()
            if self.headers.get("Authorization") == f"Basic {given}":
                self.answer(200, b"in")
            else:
                self.answer(401, b"out", WWW_Authenticate='Basic realm="case"')
        elif path == "/slow":
            time.sleep(3)
            self.answer(200, b"late")
        elif path == "/cookie":
            self.answer(200, b"cookie", Set_Cookie="a=1")
        elif path == "/reset":
            self.close_connection = True
        else:
            self.answer(200, b"hello\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_request


http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
