import { execFile } from "node:child_process";
import { randomUUID, X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { access, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import { epochMs, type EpochMs } from "../../core/clock.ts";
import { ok, problem, skipped, warning, type DoctorCheck, type Finding } from "../../core/doctor-check.ts";

const gibibyte = 2 ** 30;
const dayMs = 86_400_000;
const gigabytes = (bytes: number): string => `${(bytes / gibibyte).toFixed(1)} GiB`;

/** Oldest release of Node that the published package runs on. */
const oldestNode = [22, 18] as const;

export function nodeCheck(version = process.versions.node): DoctorCheck {
  return {
    name: "Node version",
    run() {
      const [major = 0, minor = 0] = version.split(".").map(Number);
      if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return ok(`Node ${version}.`);
      return problem(`Node ${version} is too old.`, `Install Node ${oldestNode.join(".")} or newer.`);
    },
  };
}

/** That files can be made in the folder, and that nobody else on the machine can read it. */
export function dataDirectoryCheck(directory: string): DoctorCheck {
  return {
    name: "data directory",
    async run() {
      const probe = join(directory, `.doctor-${randomUUID()}`);
      try {
        await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
        await writeFile(probe, "probe", { flag: "wx", mode: 0o600, flush: true });
        await rm(probe);
      } catch (error) {
        await rm(probe, { force: true }).catch(() => undefined);
        const code = (error as NodeJS.ErrnoException).code ?? "an unknown failure";
        if (code === "ENOENT") return skipped("There is no data directory yet; the first start makes it.");
        return problem(`The data directory cannot be written: ${code}.`, "Give it to the user that runs the server, or choose another with --data.");
      }
      const { mode } = await stat(directory);
      if (process.platform !== "win32" && (mode & 0o007) !== 0) {
        return warning(`Every user of this machine can look into the data directory (mode ${(mode & 0o777).toString(8)}).`, "chmod 750 the data directory: predictions and models are in it.");
      }
      return ok("Files can be written to it.");
    },
  };
}

export function diskCheck(directory: string): DoctorCheck {
  return {
    name: "disk space",
    async run() {
      const facts = await statfs(directory).catch(() => null);
      if (facts === null) return skipped("There is no data directory yet.");
      const free = facts.bavail * facts.bsize;
      const share = facts.bavail / Math.max(1, facts.blocks);
      const said = `${gigabytes(free)} are free (${(share * 100).toFixed(0)}%).`;
      const advice = "Free space, shorten log.retentionDays in the models' policies, or move the data directory: writing stops when the disk is full.";
      if (free < gibibyte / 4 || share < 0.01) return problem(said, advice);
      return free < 2 * gibibyte || share < 0.05 ? warning(said, advice) : ok(said);
    },
  };
}

export function memoryCheck(free = freemem, total = totalmem): DoctorCheck {
  return {
    name: "memory",
    run() {
      const said = `${gigabytes(free())} of ${gigabytes(total())} are free.`;
      return free() < gibibyte / 4 ? warning(said, "Load fewer models or runners, or use a larger machine: the system kills processes when memory ends.") : ok(said);
    },
  };
}

/** Against a clock that is not this machine's; null when there is none to ask. */
export function clockCheck(reference: () => Promise<EpochMs | null>, local: () => EpochMs): DoctorCheck {
  return {
    name: "clock",
    async run() {
      const before = local();
      if (before < Date.UTC(2024, 0)) return problem(`The clock says ${new Date(before).toISOString()}.`, "Set the clock and keep it right by NTP.");
      const given = await reference();
      if (given === null) return ok("It says a plausible time; there is no other clock here to compare it with.");
      const offset = given - epochMs((before + local()) / 2);
      const said = `It is ${Math.abs(offset)} ms ${offset > 0 ? "behind" : "ahead of"} the database's.`;
      return Math.abs(offset) > 5000 ? warning(said, "Keep the clocks of all machines right by NTP: times in logs, tokens and schedules are compared across them.") : ok(said);
    },
  };
}

/** That nobody listens there; for a server that is not running. */
export function portCheck(host: string, port: number): DoctorCheck {
  return {
    name: `port ${port}`,
    run: () =>
      new Promise<Finding>((resolve) => {
        const server = createServer();
        server.once("error", (error: NodeJS.ErrnoException) => {
          resolve(problem(`Nobody can listen on ${host}:${port} (${error.code}).`, "Stop who listens there, or choose another with --port."));
        });
        server.listen(port, host, () => server.close(() => resolve(ok("It is free."))));
      }),
  };
}

/** A program that some capability needs; without it the capability says so when it is used. */
export function programCheck(name: string, program: string, without: string, arguments_: readonly string[] = ["--version"]): DoctorCheck {
  return {
    name,
    run: () =>
      new Promise<Finding>((resolve) => {
        execFile(program, arguments_, { timeout: 5000 }, (error, stdout, stderr) => {
          const line = `${stdout}${stderr}`.trim().split("\n")[0] ?? "";
          if (error === null) resolve(ok(`${line}.`));
          else resolve(warning(`${program} is not there or does not start.`, without));
        });
      }),
  };
}

/** Null paths: TLS ends elsewhere or is not needed. */
export function certificateCheck(certificatePath: string | undefined, local: () => EpochMs): DoctorCheck {
  return {
    name: "certificate",
    async run() {
      if (certificatePath === undefined) return skipped("This server has no certificate of its own.");
      const certificate = await readFile(certificatePath, "utf8").then((text) => new X509Certificate(text)).catch(() => null);
      if (certificate === null) return problem("The certificate cannot be read.", "Give a PEM file in tlsCertificate that the server's user may read.");
      const left = Date.parse(certificate.validTo) - local();
      const said = `It holds until ${new Date(certificate.validTo).toISOString()} for ${certificate.subjectAltName ?? certificate.subject}.`;
      if (left < 0 || Date.parse(certificate.validFrom) > local()) return problem(said.replace("It holds", "It is not valid now; it holds"), "Renew the certificate.");
      return left < 21 * dayMs ? warning(said, "Renew the certificate: less than three weeks are left.") : ok(said);
    },
  };
}

/** `probe` answers with how long a trip took and what stands there. */
export function databaseCheck(probe: () => Promise<{ milliseconds: number; description: string }>): DoctorCheck {
  return {
    name: "database",
    async run() {
      const answer = await probe().catch((error: unknown) => error as Error);
      if (answer instanceof Error) return problem(`The database does not answer: ${answer.message}`, "Check that it runs, that the address and the password are right, and that the disk is not full.");
      const said = `${answer.description} answers in ${answer.milliseconds.toFixed(1)} ms.`;
      return answer.milliseconds > 250 ? warning(said, "Bring the database nearer, or relieve it: every change waits for it.") : ok(said);
    },
  };
}
