import { HttpAnswer, route, type Route } from "../core/route.ts";
import type { BackupService } from "./backup-service.ts";

export function backupRoutes(backup: BackupService): Route[] {
  return [
    route({
      method: "POST",
      path: "/api/backup",
      access: "admin",
      operationId: "takeBackup",
      summary: "A backup of everything, as a tar archive",
      description: "Taken while the server works. Its last file is manifest.json, with the digest of every other; an archive without it is not whole.",
      tag: "System",
      response: { mediaType: "application/x-tar", description: "The archive" },
      handle: async ({ now }) => {
        const name = `slipway-${new Date(now).toISOString().replace(/[:.]/g, "-")}.tar`;
        return new HttpAnswer(200, { "Content-Type": "application/x-tar", "Content-Disposition": `attachment; filename="${name}"` }, await backup.create(now));
      },
    }),
  ];
}
