export type PreviewKind = "text" | "json" | "table" | "image" | "none";

const images: Record<string, string> = { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", svg: "image/svg+xml", bmp: "image/bmp" };
const texts = new Set(["txt", "log", "md", "yaml", "yml", "toml", "ini", "cfg", "py", "sql", "sh", "xml", "html", "css", "js", "ts", "rst", "requirements", "mlmodel", "jsonl", "ipynb", "r", "tex"]);

/** Largest image that is drawn, and how much of a text is read; in bytes. */
export const largestImage = 8_000_000;
export const textStart = 256_000;

/** How a file is shown, by its name: what may hold a program is text, an image is only ever an image. */
export function previewKind(path: string): PreviewKind {
  const extension = extensionOf(path);
  if (images[extension] !== undefined) return "image";
  if (extension === "json") return "json";
  if (extension === "csv" || extension === "tsv") return "table";
  return texts.has(extension) ? "text" : "none";
}

export function imageType(path: string): string {
  return images[extensionOf(path)] ?? "application/octet-stream";
}

/** Of a name without a dot the name itself: `MLmodel`, `requirements`. */
function extensionOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1).split(".").at(-1)!.toLowerCase();
}
