// Signs up, logs in and reads the profile. The compiler knows every path, field and response.
import { Session, createClient, unwrap, type Profile } from "portcullis-client";

export async function signUp(baseUrl: string, email: string, full_name: string, password: string): Promise<number> {
  const account = await unwrap(createClient({ baseUrl }).POST("/signup", { body: { email, full_name, password } }));
  // With quiet sign-up (202), only the email says whether there is an account.
  if (!("id" in account)) throw new Error(account.detail);
  return account.id;
}

// With `offline_access` the session renews its access token. Without it, it works for 5 minutes.
export function logIn(baseUrl: string, email: string, password: string): Promise<Session> {
  return Session.logIn({ baseUrl }, { email, password, scope: "profile:read profile:write account offline_access" });
}

export function readProfile(session: Session): Promise<Profile> {
  return unwrap(session.api.GET("/profile"));
}

export async function uploadPicture(session: Session, picture: Blob): Promise<string> {
  const form = new FormData();
  form.append("file", picture);
  const options = { body: { file: "" }, bodySerializer: () => form };
  return (await unwrap(session.api.POST("/upload-profile-image", options))).url;
}
