export { BackupManifest, manifestPath, type BackupEntry } from "./schemas.ts";
export type { ArchiveEntry, ArchiveWriter, BackupSource, FrozenFile } from "./backup-source.ts";
export { BackupService, type BackupParts } from "./backup-service.ts";
export { checkArchive, type FoundEntry } from "./check-archive.ts";
export { backupRoutes } from "./routes.ts";
