import { betweenLooks } from "./between-looks.ts";
import type { RunningServer } from "./running-server.ts";

/** Sets a server up that asks for keys, with the token that it logs: a server that was open before, for the first key, takes a start more. */
export async function firstAdminKey({ url, logLines }: Pick<RunningServer, "url" | "logLines">): Promise<string> {
  let token: string | undefined;
  for (; token === undefined; await betweenLooks()) token = logLines.map((line) => / setup (\S+) /.exec(line)?.[1]).find((found) => found !== undefined);
  const response = await fetch(`${url}/api/setup`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token, name: "first admin" }) });
  const made = (await response.json()) as { key: { key: string } };
  return made.key.key;
}
