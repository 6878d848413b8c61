import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { makeCertificate } from "../../../test/kit/certificates.ts";
import { systemClock } from "../../core/clock.ts";
import { silentLogger } from "../../core/logger.ts";
import type { TlsMaterial } from "../../core/tls-source.ts";
import { TlsFiles } from "./tls-files.ts";

describe("TlsFiles", () => {
  let directory: string;
  let paths: { certificate: string; key: string };
  const write = (certificate: string, key: string): void => {
    writeFileSync(paths.certificate, certificate);
    writeFileSync(paths.key, key);
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-tls-"));
    paths = { certificate: join(directory, "certificate.pem"), key: join(directory, "key.pem") };
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("says which file is wrong and why, and nothing of the machine", async () => {
    const good = makeCertificate(["localhost"]);
    const other = makeCertificate(["localhost"]);
    const expired = makeCertificate(["localhost"], { from: Date.now() - 2000, to: Date.now() - 1000 });
    const cases: [certificate: string, key: string, message: RegExp][] = [
      ["", good.key, /^tlsCertificate: the file holds no certificate/],
      [good.key, good.key, /^tlsCertificate: the file holds no certificate/],
      [good.certificate, "", /^tlsKey: the file holds no private key/],
      [good.certificate, good.certificate, /^tlsKey: the file holds no private key/],
      [good.certificate, other.key, /^tlsKey: the key is not the certificate's/],
      [expired.certificate, expired.key, /^tlsCertificate: the certificate has expired/],
    ];
    for (const [certificate, key, message] of cases) {
      write(certificate, key);
      await assert.rejects(TlsFiles.open(paths, { clock: systemClock, logger: silentLogger }), { code: "CONFIG_INVALID", message });
    }
    write(good.certificate, good.key);
    for (const gone of ["certificate", "key"] as const) {
      const message = gone === "key" ? /^tlsKey: the file cannot be read\.$/ : /^tlsCertificate: the file cannot be read\.$/;
      await assert.rejects(TlsFiles.open({ ...paths, [gone]: join(directory, "gone") }, { clock: systemClock, logger: silentLogger }), { code: "CONFIG_INVALID", message });
    }
    (await TlsFiles.open(paths, { clock: systemClock, logger: silentLogger })).close();
  });

  it("takes a renewed pair, tells it, and keeps the former when the new one is wrong", async () => {
    const first = makeCertificate(["localhost"]);
    const second = makeCertificate(["localhost"]);
    write(first.certificate, first.key);
    const warned: string[] = [];
    const files = await TlsFiles.open(paths, { clock: systemClock, logger: { ...silentLogger, warn: (event) => void warned.push(event) } });
    const heard: TlsMaterial[] = [];
    const off = files.onChange((material) => heard.push(material));
    await files.reload();
    write(second.certificate, first.key);
    await files.reload();
    assert.deepEqual([heard.length, files.current.certificate, warned], [0, first.certificate, ["certificate.not_renewed"]]);
    write(second.certificate, second.key);
    await files.reload();
    assert.deepEqual([heard.map(({ key }) => key), files.current.certificate], [[second.key], second.certificate]);
    off();
    write(first.certificate, first.key);
    await files.reload();
    assert.equal(heard.length, 1);
    files.close();
  });
});
