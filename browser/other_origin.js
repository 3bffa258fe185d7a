// The server's public URL.
const ACCOUNTS = "https://login.example";

async function logIn(username, password) {
  const form = new URLSearchParams({ username, password });
  const response = await fetch(`${ACCOUNTS}/login`, { method: "POST", body: form });
  if (!response.ok) throw new Error((await response.json()).detail);
  return (await response.json()).access_token;
}

async function readProfile(token) {
  const response = await fetch(`${ACCOUNTS}/profile`, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${response.status} ${response.headers.get("www-authenticate")}`);
  return response.json();
}
