"""An SMTP server of aiosmtpd for the tests: `smtp_server.py '{"tls": "none"|"offered"|"starttls"|"implicit", …}'`.

Prints its port, then one line of JSON for each mail that it took.
"""

import asyncio
import base64
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Mails:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "text": base64.b64encode(envelope.original_content).decode(),
            "hello": session.host_name,
            "encrypted": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
            "user": session.auth_data.decode() if session.auth_data else None,
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


async def main(options):
    def authenticated(server, session, envelope, mechanism, data):
        given = [data.login.decode(), data.password.decode()]
        if mechanism != options["auth"] or given != options["credentials"]:
            return AuthResult(success=False, handled=False)
        return AuthResult(success=True, auth_data=data.login)

    context = None
    if options["tls"] != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["certificate"], options["key"])
    implicit = options["tls"] == "implicit"
    auth = options.get("auth")

    def connection():
        return SMTP(
            Mails(),
            tls_context=None if implicit else context,
            require_starttls=options["tls"] == "starttls",
            authenticator=authenticated if auth else None,
            auth_required=bool(auth),
            # Of TLS from the first byte it knows nothing.
            auth_require_tls=not implicit,
            auth_exclude_mechanism=[name for name in ("PLAIN", "LOGIN") if name != auth],
        )

    host = "127.0.0.1" if options["tls"] in ("none", "offered") else "127.0.0.2"
    server = await asyncio.get_running_loop().create_server(connection, host, 0, ssl=context if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(json.loads(sys.argv[1])))
