import aws4 from "aws4";
import type { ProviderMapping } from "../provider-mapping.ts";

/** `ACCESS_KEY:SECRET_KEY`, with `:SESSION_TOKEN` behind it for keys that end. Keys of Bedrock's own have no colon. */
const awsKeys = /^([\w-]{4,128}):([^:\s]{8,})(?::([^:\s]+))?$/;

/**
 * Signature version 4 for the service `bedrock` with an AWS access key, over the content type, the host and the time; or a Bedrock API key as it is. Without a secret nothing is added: a proxy may sign.
 */
export const authorizeBedrock: ProviderMapping["authorize"] = ({ method, url, headers, body }, secret, settings, now): Readonly<Record<string, string>> => {
  if (secret === null) return {};
  const [, accessKeyId, secretAccessKey, sessionToken] = awsKeys.exec(secret.trim()) ?? [];
  if (accessKeyId === undefined || secretAccessKey === undefined) return { authorization: `Bearer ${secret.trim()}` };
  const time = new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, "");
  const contentType = headers["content-type"];
  const request = {
    service: "bedrock", region: settings.region ?? regionOf(url), method, path: url.pathname + url.search,
    body: typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    headers: { host: url.host, "x-amz-date": time, ...(contentType === undefined ? {} : { "content-type": contentType }) },
    // The connection writes the length by itself, and a proxy may change how.
    extraHeadersToIgnore: { "content-length": true, ...(contentType === undefined ? { "content-type": true } : {}) },
  };
  const signed = aws4.sign(request, { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) });
  return { authorization: String(signed.headers?.Authorization), "x-amz-date": time, ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }) };
};

function regionOf(url: URL): string {
  return /^bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./.exec(url.hostname)?.[1] ?? "us-east-1";
}
