/** The key that the commands show to the server; undefined for a server that asks for none. */
export function clientApiKey(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const key = environment.SLIPWAY_API_KEY?.trim();
  return key === "" ? undefined : key;
}

/** Where the commands find the server. */
export function serverUrl(environment: NodeJS.ProcessEnv = process.env): string {
  return environment.SLIPWAY_URL ?? "http://127.0.0.1:4400";
}
