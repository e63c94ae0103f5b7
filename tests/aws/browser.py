"""A browser without a window, for the web pages that the emulator's HTTP API serves."""

import html
import http.client
import re
import urllib.parse


class Browser:
    """Keeps cookies, and sends forms from the pages that it shows."""

    def __init__(self, url):
        self.url = urllib.parse.urlsplit(url)
        self.cookies = {}
        self.page = ""

    def send(self, method, path, form=None):
        """Sends a request, and returns its status and headers. The page is kept."""
        headers = {"Host": self.url.netloc, "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        body = None
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            body = urllib.parse.urlencode(form)
        # The API's name is below localhost, which not every system looks up.
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port, timeout=60)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        self.page = answer.read().decode()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
        connection.close()
        return answer.status, answer.headers

    def get(self, path):
        """Gets a page, and returns it."""
        self.send("GET", path)
        return self.page

    def hidden(self, name):
        """The value of a hidden field of the page."""
        found = re.search(f'name="{name}" value="([^"]*)"', self.page)
        if not found:
            raise SystemExit(f"FAILED: the page has no field {name}: {self.page[:2000]}")
        return html.unescape(found[1])

    def use_link(self, link):
        """Opens a link that signs somebody in, and presses its button. Returns the status of that."""
        parts = urllib.parse.urlsplit(link)
        self.get(f"{parts.path}?{parts.query}")
        status, _ = self.send("POST", parts.path, {"form_token": self.hidden("form_token"), "token": self.hidden("token")})
        return status
