// Signs up, logs in and reads the profile. The compiler knows every path, field and response from the document.
import createClient from "openapi-fetch";
import type { components, paths } from "./portcullis.js";

type ErrorBody = components["schemas"]["Problem" | "InvalidInput"];
export type Profile = components["schemas"]["Profile"];

export class ApiError extends Error {
  constructor(readonly status: number, { detail }: ErrorBody) {
    super(typeof detail === "string" ? detail : detail.map(({ loc, msg }) => `${loc.join(".")}: ${msg}`).join("; "));
  }
}

export async function signUp(baseUrl: string, email: string, full_name: string, password: string): Promise<number> {
  const { data, error, response } = await createClient<paths>({ baseUrl }).POST("/signup", {
    body: { email, full_name, password },
  });
  if (error) throw new ApiError(response.status, error);
  // With quiet sign-up (202), only the email says whether there is an account.
  if (!("id" in data)) throw new ApiError(response.status, data);
  return data.id;
}

export async function logIn(baseUrl: string, username: string, password: string): Promise<string> {
  const { data, error, response } = await createClient<paths>({ baseUrl }).POST("/login", {
    body: { username, password },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  if (error) throw new ApiError(response.status, error);
  return data.access_token;
}

export async function readProfile(baseUrl: string, token: string): Promise<Profile> {
  const portcullis = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
  const { data, error, response } = await portcullis.GET("/profile");
  if (error) throw new ApiError(response.status, error);
  return data;
}
