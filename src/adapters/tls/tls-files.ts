import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { TlsMaterial, TlsSource } from "../../core/tls-source.ts";

const pollMs = 30_000;

/** Certificate and key out of files, read again when they change: renewal needs no restart. */
export class TlsFiles implements TlsSource {
  readonly #paths: { certificate: string; key: string };
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #current: TlsMaterial;
  #timer: NodeJS.Timeout | undefined;

  private constructor(paths: { certificate: string; key: string }, current: TlsMaterial, parts: { clock: Clock; logger: Logger }) {
    this.#paths = paths;
    this.#current = current;
    this.#clock = parts.clock;
    this.#logger = parts.logger;
  }

  /** Throws CONFIG_INVALID that says what is wrong with which setting. */
  static async open(paths: { certificate: string; key: string }, parts: { clock: Clock; logger: Logger }): Promise<TlsFiles> {
    const files = new TlsFiles(paths, await readMaterial(paths, parts.clock.now()), parts);
    // The files are small; asking for them is simpler than watching folders, links and renames, and as good within half a minute.
    files.#timer = setInterval(() => void files.reload(), pollMs).unref();
    return files;
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  onChange(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Reads the files now. What is wrong is logged, and the former certificate stays: a half-written pair must not end the service. */
  async reload(): Promise<void> {
    try {
      const material = await readMaterial(this.#paths, this.#clock.now());
      if (material.certificate === this.#current.certificate && material.key === this.#current.key) return;
      this.#current = material;
      for (const listener of this.#listeners) listener(material);
      this.#logger.info("certificate.renewed", { validTo: new X509Certificate(material.certificate).validTo });
    } catch (cause) {
      this.#logger.warn("certificate.not_renewed", { message: (cause as Error).message, cause });
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

async function readMaterial(paths: { certificate: string; key: string }, now: number): Promise<TlsMaterial> {
  const read = (setting: string, path: string): Promise<string> =>
    readFile(path, "utf8").catch((cause: unknown) => {
      throw wrong(setting, "the file cannot be read", cause);
    });
  const material = { certificate: await read("tlsCertificate", paths.certificate), key: await read("tlsKey", paths.key) };
  const certificate = parsed("tlsCertificate", "the file holds no certificate in PEM", () => new X509Certificate(material.certificate));
  const key: KeyObject = parsed("tlsKey", "the file holds no private key in PEM, or one with a passphrase", () => createPrivateKey(material.key));
  if (!certificate.checkPrivateKey(key)) throw wrong("tlsKey", "the key is not the certificate's");
  if (Date.parse(certificate.validTo) <= now) throw wrong("tlsCertificate", `the certificate has expired (${new Date(certificate.validTo).toISOString()})`);
  parsed("tlsCertificate", "the chain or its key is of no use for TLS", () => createSecureContext({ cert: material.certificate, key: material.key }));
  return material;
}

function parsed<Value>(setting: string, message: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    throw wrong(setting, message, cause);
  }
}

function wrong(setting: string, message: string, cause?: unknown): AppError {
  return new AppError("CONFIG_INVALID", `${setting}: ${message}.`, { cause, problems: [{ path: setting, message }] });
}
