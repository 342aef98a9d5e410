"""Starts a mail server, a webhook and `parlor demo`, and sends notifications."""

import email
import email.policy
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from standardwebhooks import Webhook

KEY = "sk_demo"
USER, PASSWORD = "shop", "p:w/@"


class Mailbox:
    """Keeps the messages that the mail server receives."""

    def __init__(self):
        self.envelopes = []
        self.is_encrypted = []

    async def handle_DATA(self, server, session, envelope):
        self.envelopes.append(envelope)
        self.is_encrypted.append(session.ssl is not None)
        return "250 OK"


class Receiver(BaseHTTPRequestHandler):
    requests = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.requests.append((dict(self.headers), body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def certificate(folder):
    """A certificate for `localhost`, its key, and the certificate of its authority."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl(folder, "req", "-x509", *key, "-days", "2", "-subj", "/CN=authority",
            "-out", "authority.pem", "-keyout", "authority.key")
    openssl(folder, "req", "-new", *key, "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
            "-out", "request.pem", "-keyout", "key.pem")
    openssl(folder, "x509", "-req", "-in", "request.pem", "-days", "2",
            "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
            "-copy_extensions", "copy", "-out", "certificate.pem")
    return [folder / name for name in ["certificate.pem", "key.pem", "authority.pem"]]


def start_mail_server(mailbox, files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)

    def authenticate(_server, _session, _envelope, _mechanism, data):
        is_valid = isinstance(data, LoginPassword) and (
            (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        )
        return AuthResult(success=is_valid)

    class MailServer(Controller):
        def factory(self):
            return SMTP(
                self.handler, tls_context=context, require_starttls=True,
                authenticator=authenticate, auth_required=True, hostname="localhost",
            )

    # The controller connects to its port at the start, so that it cannot be 0.
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = MailServer(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    return server, port


def start_parlor(port, authority):
    environment = os.environ | {
        "PARLOR_SMTP_URL": f"smtp://{USER}@localhost:{port}",
        "PARLOR_SMTP_PASSWORD": PASSWORD,
        "PARLOR_EMAIL_FROM": "Tern & Co. <help@shop.example>",
        "PARLOR_WEBHOOK_PRIVATE_NETWORK": "true",
        "SSL_CERT_FILE": str(authority),
    }
    process = subprocess.Popen(
        [os.environ["PARLOR"], "demo", "--listen", "127.0.0.1:0"],
        env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )
    for line in process.stdout:
        if found := re.search(r"listens on (http://[0-9.:]+)", line):
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, found[1]
    raise SystemExit("the demo did not start")


def call(method, url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), method=method)
    request.add_header("Authorization", f"Bearer {KEY}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def check_email(url, mailbox):
    result = call("POST", f"{url}/v2/notifications/test", {"kind": "email"})
    assert result == {"isDelivered": True, "error": None}, result
    assert mailbox.is_encrypted == [True]
    envelope = mailbox.envelopes[0]
    assert envelope.rcpt_tos == ["mara@shop.example"], envelope.rcpt_tos
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert message.defects == [], message.defects
    assert message["From"].addresses[0].display_name == "Tern & Co."
    assert message["Auto-Submitted"] == "auto-generated"
    for name in ["Date", "Message-ID", "Subject"]:
        assert message[name], name
    for kind in ["plain", "html"]:
        assert "This is a test" in message.get_body([kind]).get_content()


def check_webhook(url, secret):
    result = call("POST", f"{url}/v2/notifications/test", {"kind": "webhook"})
    assert result == {"isDelivered": True, "error": None}, result
    headers, body = Receiver.requests[0]
    headers = {name.lower(): value for name, value in headers.items()}
    event = Webhook(secret).verify(body.decode(), headers)
    assert event["type"] == "notification.test", event


def main():
    with tempfile.TemporaryDirectory() as folder:
        files = certificate(pathlib.Path(folder))
        mailbox = Mailbox()
        server, port = start_mail_server(mailbox, files[:2])
        receiver = HTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        process, url = start_parlor(port, files[2])
        try:
            settings = {
                "webhookUrl": f"http://127.0.0.1:{receiver.server_port}/",
                "emails": ["mara@shop.example"],
            }
            secret = call("PATCH", f"{url}/v2/notifications", settings)["webhookSecret"]
            check_email(url, mailbox)
            check_webhook(url, secret)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            receiver.shutdown()
            server.stop()
    print("e-mails and webhooks are correct")


main()
