import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { AppError } from "../../../../core/errors.ts";

export interface PostgresHost {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** What a URL says, with the defaults filled in. */
export interface PostgresAddress {
  /** Tried in turn, from the one that answered last. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: false | ConnectionOptions;
  readonly applicationName: string;
  /** Server settings, such as `-c search_path=slipway`. */
  readonly options: string | undefined;
  readonly connectTimeoutMs: number;
}

const known = new Set(["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "application_name", "options", "connect_timeout", "target_session_attrs"]);

/**
 * Reads `postgres://user:password@host:port,host:port/database?parameters` as libpq does, with these differences: without
 * sslmode, hosts other than this machine are asked for a certificate that fits them (verify-full); `allow` and `prefer`,
 * which protect from nobody, are refused; so is an unknown parameter. Throws CONFIG_INVALID, which never shows the password.
 */
export function parsePostgresUrl(url: string): PostgresAddress {
  const match = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  if (match === null) throw invalid("it must look like postgres://user:password@host:5432/database");
  const [, authority = "", path = "", query = ""] = match;
  const parameters = new Map(new URLSearchParams(query));
  for (const name of parameters.keys()) if (!known.has(name)) throw invalid(`it has the unknown parameter ${JSON.stringify(name.slice(0, 40))}`);
  const at = authority.lastIndexOf("@");
  const [user, password] = splitOnce(at < 0 ? "" : authority.slice(0, at), ":").map(decoded);
  const hosts = hostsOf(parameters.get("host") ?? decoded(authority.slice(at + 1)), parameters.get("port"));
  if (!["read-write", "primary"].includes(parameters.get("target_session_attrs") ?? "primary")) throw invalid("target_session_attrs must be read-write or primary");
  const timeout = Number(parameters.get("connect_timeout") ?? 5);
  if (!Number.isFinite(timeout) || timeout <= 0) throw invalid("connect_timeout must be a number of seconds above 0");
  return {
    hosts,
    user: user === "" ? undefined : user,
    password,
    database: path === "" ? undefined : decoded(path),
    tls: tlsOf(parameters, hosts),
    applicationName: parameters.get("application_name") ?? "slipway",
    options: parameters.get("options"),
    connectTimeoutMs: timeout * 1000,
  };
}

function hostsOf(list: string, portParameter: string | undefined): PostgresHost[] {
  return list.split(",").map((entry) => {
    const [, bracketed, plain = "", port] = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
    const host = bracketed ?? plain;
    const number = Number(port ?? portParameter ?? 5432);
    if (host === "" && entry !== "") throw invalid("a host in it cannot be read");
    if (!Number.isInteger(number) || number < 1 || number > 65_535) throw invalid("a port in it is not between 1 and 65535");
    return { host: host === "" ? "localhost" : host, port: number };
  });
}

function tlsOf(parameters: ReadonlyMap<string, string>, hosts: readonly PostgresHost[]): false | ConnectionOptions {
  const mode = parameters.get("sslmode") ?? (hosts.every(isThisMachine) ? "disable" : "verify-full");
  if (mode === "disable") return false;
  const ca = fileOf(parameters, "sslrootcert");
  const cert = fileOf(parameters, "sslcert");
  const key = fileOf(parameters, "sslkey");
  const given: ConnectionOptions = { ...(ca === undefined ? {} : { ca }), ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
  switch (mode) {
    case "require":
      // As in libpq: with a root certificate it checks who signed.
      return ca === undefined ? { ...given, rejectUnauthorized: false } : { ...given, checkServerIdentity: anyName };
    case "verify-ca":
      if (ca === undefined) throw invalid("sslmode=verify-ca needs sslrootcert");
      return { ...given, checkServerIdentity: anyName };
    case "verify-full":
      return given;
    default:
      throw invalid("sslmode must be disable, require, verify-ca or verify-full");
  }
}

const anyName = (): undefined => undefined;

function isThisMachine({ host }: PostgresHost): boolean {
  return host.startsWith("/") || host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}

function fileOf(parameters: ReadonlyMap<string, string>, name: string): Buffer | undefined {
  const path = parameters.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `The file that ${name} of the database URL names cannot be read.`, { cause });
  }
}

function splitOnce(text: string, separator: string): string[] {
  const index = text.indexOf(separator);
  return index < 0 ? [text] : [text.slice(0, index), text.slice(index + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("a percent sign in it escapes nothing; write %25 for the sign itself");
  }
}

function invalid(reason: string): AppError {
  return new AppError("CONFIG_INVALID", `The database URL cannot be used: ${reason}.`);
}
