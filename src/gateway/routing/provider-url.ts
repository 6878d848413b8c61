/** Addresses that were read late, by their text: there are few, and callers choose models within some of them. */
const urls = new Map<string, URL>();
const mostUrls = 1000;

/** Where a provider has a path. Throws TypeError for what is no address. */
export function providerUrl(baseUrl: string, path: string): URL {
  const text = baseUrl.replace(/\/+$/, "") + path;
  let url = urls.get(text);
  if (url === undefined) {
    url = new URL(text);
    if (urls.size >= mostUrls) urls.clear();
    urls.set(text, url);
  }
  return url;
}
