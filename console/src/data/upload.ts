import { ApiFailure, failureOf } from "./api.ts";

/** Sends a file to the server and answers with its digest; `onProgress` gets the share that has gone out. Throws ApiFailure. */
export function uploadFile(file: Blob, onProgress: (share: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    // Not fetch, which does not tell how far it is.
    const request = new XMLHttpRequest();
    request.open("PUT", "/api/blobs");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => onProgress(total === 0 ? 1 : loaded / total);
    request.onerror = () => reject(new ApiFailure(0, { code: "SERVER_UNREACHABLE", message: "The upload broke off.", hint: "Check that the server runs, then try again." }));
    request.onload = () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300 && typeof body === "object" && body !== null && "digest" in body) resolve(String(body.digest));
      else reject(failureOf(request.status, body));
    };
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
