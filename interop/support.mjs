// Programs on free ports of this machine, each ended with the tests, and requests to them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

export const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const PORTCULLIS = process.env.PORTCULLIS_BIN ?? here("../target/debug/portcullis");
const RESOURCE_SERVER = process.env.RESOURCE_SERVER_BIN ?? here("../target/debug/examples/resource_server");
export const PYTHON = process.env.INTEROP_PYTHON ?? here("../target/test-tools/interop/bin/python");
const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 10_000;
/** Every test's limit. */
export const TIME = { timeout: 120_000 };

const ends = [];
const running = new Set();
after(async () => {
  for (const end of ends.reverse()) await end();
});
// Also when the tests themselves are cut off.
process.on("exit", () => running.forEach((program) => program.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => process.exit(1));

/** Lets `end` run after the last test of the file. */
export const atEnd = (end) => ends.push(end);

/** A directory that is gone after the tests. */
export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), "portcullis-interop-"));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The environment, without the settings of the caller's own server, and without a proxy. */
export const clean = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PORTCULLIS_|https?_proxy$|all_proxy$)/i.test(name)));

/** Starts a program; resolves to what `ready` finds in its output, and to all that it says from then on. */
export async function start(command, args, env, ready) {
  const program = spawn(command, args, { env: { ...clean(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
  running.add(program);
  const ended = new Promise((resolve) => program.once("close", resolve)).then(() => running.delete(program));
  atEnd(async () => {
    program.kill("SIGTERM");
    const late = setTimeout(() => program.kill("SIGKILL"), STOP_LIMIT_MS);
    await ended;
    clearTimeout(late);
  });
  const output = { text: "" };
  const url = await new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${command} ${args.join(" ")} ${why}:\n${output.text}`));
    const late = setTimeout(fail, START_LIMIT_MS, "was not ready in time");
    const read = (text) => {
      output.text += text;
      const found = ready.exec(output.text);
      if (found) resolve(found[1]);
      if (found) clearTimeout(late);
    };
    for (const stream of [program.stdout, program.stderr]) stream.setEncoding("utf8").on("data", read);
    program.once("error", (cause) => fail(`did not start (${cause.message})`));
    program.once("close", (code) => fail(`ended with ${code}`));
  });
  return { url, output };
}

/** How a program says where. */
export const LISTENS = /listens on (http:\/\/127\.0\.0\.1:\d+)/;

/** Our server, with an empty database. */
export function startPortcullis(settings = {}) {
  const data = { "data-dir": join(temporaryDirectory(), "data") };
  return start(PORTCULLIS, ["serve", "--listen", "127.0.0.1:0", ...flags({ ...data, ...settings })], {}, LISTENS);
}

const flags = (settings) => Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);

/** Runs `portcullis` to its end; resolves to what it wrote. */
export async function portcullis(command, settings) {
  const stdio = ["ignore", "pipe", "inherit"];
  const program = spawn(PORTCULLIS, [...command, ...flags(settings)], { env: clean(), stdio, timeout: START_LIMIT_MS });
  const ended = once(program, "close");
  const text = await new Response(program.stdout).text();
  const [code] = await ended;
  if (code !== 0) throw new Error(`portcullis ${command.join(" ")} ended with ${code}`);
  return text;
}

/** The library's example `resource_server`, the FastAPI and the Express application: verifiers of an issuer's tokens. */
export const verifiers = {
  Rust: ({ issuer, audience, keysAt, isDiscovered }) => {
    const args = [issuer, audience, ...(isDiscovered ? [] : [keysAt])];
    return start(RESOURCE_SERVER, args, { LISTEN: "127.0.0.1:0" }, LISTENS);
  },
  FastAPI: ({ issuer, audience, keysAt }) =>
    startPython("fastapi_app", 0, { ISSUER: issuer, AUDIENCE: audience, KEYS_AT: keysAt }),
  Express: ({ issuer, audience, keysAt }) => {
    const env = { ISSUER: issuer, AUDIENCE: audience, KEYS_AT: keysAt, PORT: "0" };
    return start(process.execPath, [here("express_app.mjs")], env, LISTENS);
  },
};

/** A FastAPI application of this directory. */
export function startPython(name, port, env) {
  const args = ["-m", "uvicorn", `${name}:app`, "--app-dir", here("."), "--port", `${port}`, "--no-access-log"];
  return start(PYTHON, args, { ...env, PYTHONDONTWRITEBYTECODE: "1" }, /running on (http:\/\/127\.0\.0\.1:\d+)/);
}

/** Runs a script of this directory to its end; resolves to what it wrote. */
export async function runPython(name, ...args) {
  const program = spawn(PYTHON, [here(name), ...args], { stdio: ["ignore", "pipe", "inherit"], timeout: START_LIMIT_MS });
  const text = await new Response(program.stdout).text();
  const [code] = program.exitCode === null ? await once(program, "close") : [program.exitCode];
  if (code !== 0) throw new Error(`${name} ended with ${code}`);
  return text;
}

/** A port that is free now, for an issuer that must know its address before it listens. */
export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `GET url` with a bearer token; resolves to status and body. */
export async function call(url, token) {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(20_000), redirect: "error" });
  return { status: answer.status, body: await answer.json() };
}

/** JSON from `url`, with `body` by POST. */
export async function json(url, body) {
  const post = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(url, { ...post, signal: AbortSignal.timeout(60_000) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

const PERSON = { email: "ada@example.org", full_name: "Ada Lovelace", password: "a quiet engine of brass, 1843" };

/** Signs a person up at our server. */
export const signUp = (url) => json(`${url}/signup`, PERSON);

/** Logs in; resolves to an access token. */
export async function logIn(url, scope = "") {
  const form = new URLSearchParams({ username: PERSON.email, password: PERSON.password, scope });
  const answer = await fetch(`${url}/login`, { method: "POST", body: form });
  if (!answer.ok) throw new Error(`log-in: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

/** What a token says, unverified. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
