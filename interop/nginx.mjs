// nginx with the recipe's configuration, and requests to it by the byte.
import { readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import tls from "node:tls";
import { freePort, here, runPython, start, temporaryDirectory } from "./support.mjs";

const NGINX = process.env.NGINX ?? "/usr/sbin/nginx";
const ANSWER_LIMIT_MS = 20_000;
export const RECIPE = readFileSync(here("nginx.conf"), "utf8");

/** Starts nginx before `upstream`, with `recipe` but for addresses and files; resolves to what [`send`] takes. */
export async function startNginx(upstream, recipe = RECIPE) {
  const directory = temporaryDirectory();
  const [certificate, key] = ["certificate.pem", "key.pem"].map((name) => join(directory, name));
  await runPython("certificate.py", certificate, key);
  const port = await freePort();
  const replaced = {
    "listen 443 ssl;": `listen 127.0.0.1:${port} ssl;`,
    "/etc/ssl/login.example/fullchain.pem": certificate,
    "/etc/ssl/login.example/privkey.pem": key,
    "http://127.0.0.1:8000": upstream,
  };
  const server = Object.entries(replaced).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the recipe lacks ${from}`);
    return text.replace(from, to);
  }, recipe);
  const kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((what) => `${what}_temp_path ${directory}/${what};`);
  const file = join(directory, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr notice;
    events {}
    http { access_log off; ${kept.join(" ")}\n${server} }`,
  );
  // It says so when it listens.
  await start(NGINX, ["-p", directory, "-e", "stderr", "-c", file], {}, /(getrlimit)/);
  return { port, ca: readFileSync(certificate) };
}

/** Sends a request's text, head and body, from `address`; resolves to the answer. `at` is a URL, or [`startNginx`]'s. */
export async function send(at, request, address = "127.0.0.1") {
  const options = { host: "127.0.0.1", localAddress: address };
  const socket = at.ca
    ? tls.connect({ ...options, port: at.port, ca: at.ca, servername: "login.example" })
    : net.connect({ ...options, port: new URL(at).port });
  socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error("no response in time")));
  socket.write(request);
  const answer = await text(socket);
  const [head, ...body] = answer.split("\r\n\r\n");
  const [statusLine, ...fields] = head.split("\r\n");
  const headers = Object.fromEntries(fields.map((line) => [line.split(":")[0].toLowerCase(), line.replace(/^[^:]*: */, "")]));
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  return { status, headers, body: body.join("\r\n\r\n"), by: /<center>nginx/.test(answer) ? "nginx" : "portcullis" };
}

/** A request's text. */
export function request(method, target, lines = [], body = "") {
  const length = body ? [`Content-Length: ${Buffer.byteLength(body)}`] : [];
  const head = [`${method} ${target} HTTP/1.1`, "Host: login.example", "Connection: close", ...lines, ...length];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
