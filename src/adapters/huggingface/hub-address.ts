import { AppError } from "../../core/errors.ts";

/** A model's repository on a hub that speaks as huggingface.co does. */
export interface HubAddress {
  /** `owner/name`, or `name` for the few without an owner. */
  repository: string;
  /** Branch, tag or commit; `main` where none is given. */
  revision: string;
  /** Folder or file within it; empty for all of it. */
  path: string;
}

const scheme = /^hf:\/\//i;
const nameRule = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/;

export function isHubAddress(uri: string): boolean {
  return scheme.test(uri);
}

/** Reads `hf://owner/name[@revision][/path]`; a slash of the revision is written %2F. Throws MODEL_SOURCE_INVALID. */
export function parseHubAddress(uri: string): HubAddress {
  const refuse = (): AppError => new AppError("MODEL_SOURCE_INVALID", `${JSON.stringify(uri.slice(0, 300))} is no address of a repository: write hf://owner/name, hf://owner/name@revision or hf://owner/name@revision/folder.`);
  const parts = uri.replace(scheme, "").replace(/\/+$/, "").split("/");
  const at = parts.slice(0, 2).findIndex((part) => part.includes("@"));
  const nameParts = at === -1 ? Math.min(parts.length, 2) : at + 1;
  const [last = "", revision] = splitOnce(parts[nameParts - 1]!);
  const names = [...parts.slice(0, nameParts - 1), last];
  const path = parts.slice(nameParts);
  if (!names.every((name) => nameRule.test(name) && !/--|\.\./.test(name))) throw refuse();
  if (revision === "" || path.some((part) => part === "" || part === "." || part === "..")) throw refuse();
  try {
    return { repository: names.join("/"), revision: decodeURIComponent(revision ?? "main"), path: path.map(decodeURIComponent).join("/") };
  } catch {
    throw refuse();
  }
}

/** The address of the same with the commit in the place of the revision. */
export function pinnedAddress({ repository, path }: HubAddress, commit: string): string {
  return `hf://${repository}@${commit}${path === "" ? "" : `/${path.split("/").map(encodeURIComponent).join("/")}`}`;
}

function splitOnce(text: string): [string, string?] {
  const at = text.indexOf("@");
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
