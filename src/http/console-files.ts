import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

/** One answer for a browser: everything that the door has to write. */
export interface ConsoleAnswer {
  status: 200 | 404 | 503;
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface ConsoleFiles {
  /** False when there is no build in the directory; every page then says how to make one. */
  readonly built: boolean;
  /**
   * What a GET of `path` (without its query, as it came on the wire) answers, or null when it is not the console's.
   * Pages that the console knows answer its index with 200, other pages the same index with 404: it then says so to the
   * reader. With `accept` given, unknown paths are left to the API for clients that do not ask for HTML, and
   * pages for those that would not take it.
   */
  lookup(path: string, acceptEncoding?: string | string[], accept?: string): ConsoleAnswer | null;
}

type Encoding = "br" | "gzip";

interface StoredFile {
  body: Uint8Array;
  headers: Record<string, string>;
  /** Made by the build beside the file, where they are smaller. */
  compressed: Partial<Record<Encoding, Uint8Array>>;
}

const contentTypes: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

const encodingOfExtension: Record<string, Encoding> = { ".br": "br", ".gz": "gzip" };

/** No inline script or style, nothing from elsewhere, and no string that becomes code. */
const contentSecurityPolicy = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
  "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
].join("; ");

const securityHeaders = {
  "Content-Security-Policy": contentSecurityPolicy,
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "deny",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

/** Paths of the console's pages; the same table as the console's own router has. */
const pages = [
  /^\/$/, /^\/models(\/[^/]+(\/(try|predictions|drift|contract|evaluations|rollout|registry|policy))?)?\/?$/, /^\/predictions\/[^/]+\/?$/, /^\/docs\/?$/, /^\/sign-in\/?$/,
  /^\/rollouts(\/[^/]+)?\/?$/, /^\/gateway(\/(playground|providers|keys|health))?\/?$/, /^\/costs\/?$/, /^\/traces(\/[^/]+)?\/?$/, /^\/experiments(\/\d+(\/(compare|runs\/[^/]+))?)?\/?$/,
  /^\/datasets(\/[^/]+)?\/?$/, /^\/workflows(\/(definitions|schedules|runs\/[^/]+))?\/?$/, /^\/events(\/webhooks(\/[^/]+)?)?\/?$/, /^\/settings(\/(keys|teams|audit|doctor))?\/?$/,
];

/** First segments that belong to the API: an unknown path below them is answered by the API itself, in its own shape. */
const apiSegments = new Set(["api", "ajax-api", "v1", "v2", "invocations", "ping", "health", "ready", "version", "metrics", "openapi.json"]);

const indexPath = "/index.html";

/**
 * Reads a build of the console into memory, once. A lookup is a lookup in a map: no path of a request ever reaches the
 * file system. A directory that does not exist is a console that was not built.
 */
export function loadConsoleFiles(directory: string): ConsoleFiles {
  const files = readFiles(directory);
  const index = files.get(indexPath);
  return {
    built: index !== undefined,
    lookup(path, acceptEncoding, accept) {
      const file = files.get(path);
      if (file !== undefined && path !== indexPath) return answer(200, file, acceptEncoding);
      const known = pages.some((page) => page.test(path));
      // Clients of OpenAI that were given the address without /v1 ask for /models: a page would be no list to them.
      if (known && accept !== undefined && !/text\/html|\*\/\*|text\/\*/.test(accept)) return null;
      if (!known && (!isPageLike(path) || (accept !== undefined && !accept.includes("text/html")))) return null;
      if (index === undefined) return known ? answer(503, notBuilt, acceptEncoding) : null;
      return answer(known ? 200 : 404, index, acceptEncoding);
    },
  };
}

/** True for what a person may have typed or followed: not the API's, and not a file. */
function isPageLike(path: string): boolean {
  const segments = path.split("/");
  return !apiSegments.has(segments[1] ?? "") && !segments.at(-1)!.includes(".") && segments[1] !== "assets";
}

function answer(status: ConsoleAnswer["status"], file: StoredFile, acceptEncoding: string | string[] | undefined): ConsoleAnswer {
  const accepted = acceptedEncodings(acceptEncoding);
  for (const encoding of ["br", "gzip"] as const) {
    const body = file.compressed[encoding];
    if (body === undefined || !accepted.has(encoding)) continue;
    // A validator names bytes, so each encoding has its own.
    const etag = file.headers.ETag!.replace(/"$/, `-${encoding}"`);
    return { status, headers: { ...file.headers, ETag: etag, "Content-Encoding": encoding, "Content-Length": String(body.byteLength) }, body };
  }
  return { status, headers: { ...file.headers, "Content-Length": String(file.body.byteLength) }, body: file.body };
}

/** Encodings that the header names without `q=0`. */
function acceptedEncodings(header: string | string[] | undefined): Set<string> {
  const names = new Set<string>();
  for (const part of String(header ?? "").split(",")) {
    const [name, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    if (name && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) names.add(name);
  }
  return names;
}

function readFiles(directory: string): Map<string, StoredFile> {
  const files = new Map<string, StoredFile>();
  let entries;
  try {
    entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  } catch {
    return files; // not built
  }
  const compressed: [path: string, encoding: Encoding, body: Uint8Array][] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const body = readFileSync(join(entry.parentPath, entry.name));
    const path = `/${join(entry.parentPath, entry.name).slice(join(directory, "/").length).replaceAll("\\", "/")}`;
    const encoding = encodingOfExtension[extname(path)];
    if (encoding === undefined) files.set(path, { body, headers: headersOf(path, body), compressed: {} });
    else compressed.push([path.slice(0, -extname(path).length), encoding, body]);
  }
  for (const [path, encoding, body] of compressed) {
    const file = files.get(path);
    if (file !== undefined && body.byteLength < file.body.byteLength) file.compressed[encoding] = body;
  }
  return files;
}

function headersOf(path: string, body: Uint8Array): Record<string, string> {
  // The build puts a hash into every name below assets/, so those never change under their name.
  const caching = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : path.endsWith(".html") ? "no-store" : "no-cache";
  return {
    ...securityHeaders,
    "Content-Type": contentTypes[extname(path)] ?? "application/octet-stream",
    "Cache-Control": caching,
    ETag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    Vary: "Accept-Encoding",
  };
}

const notBuiltPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Slipway: the console is not built</title>
<h1>The console is not built</h1>
<p>The server runs, and so does its API. To see the console, build it and start the server again:</p>
<pre>npm run build -w console</pre>
<p>Meanwhile: <a href="/openapi.json">the API's description</a>, <a href="/metrics">metrics</a>, <a href="/api/models">models</a>.</p>
</html>
`;

const notBuilt: StoredFile = {
  body: Buffer.from(notBuiltPage),
  headers: { ...headersOf(indexPath, Buffer.from(notBuiltPage)) },
  compressed: {},
};
