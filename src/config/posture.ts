import { AppError, type Problem } from "../core/errors.ts";
import type { Config } from "./config.ts";
import { environmentName } from "./load-config.ts";
import { isLoopbackHost } from "./loopback.ts";

/** A name, with or without a port, that leads to the machine it is said on. */
function isLoopbackName(host: string): boolean {
  return isLoopbackHost(host.replace(/:\d+$/, "")) || isLoopbackHost(host);
}

/** What the settings together mean for who may call. */
export interface Posture {
  mode: "open" | "keys";
  /** Browsers reach this server over TLS, here or at the proxy: cookies are Secure, and only https origins are its own. */
  secure: boolean;
  /** Host values beside loopback's, in lower case. */
  allowedHosts: readonly string[];
}

/**
 * Judges the settings that only make sense together. Who listens beyond loopback must ask for keys, know its names and
 * have TLS. Throws CONFIG_INVALID that names everything that is missing, and how to set it.
 */
export function postureOf(config: Config): Posture {
  const problems: Problem[] = [];
  const missing = (setting: keyof Config, message: string): void => void problems.push({ path: environmentName(setting), message });
  const loopback = isLoopbackHost(config.host);
  const tls = config.tlsCertificate !== undefined && config.tlsKey !== undefined;
  const publicHost = config.publicUrl === undefined ? undefined : new URL(config.publicUrl).host;
  const allowedHosts = [...new Set([...config.allowedHosts, ...(publicHost === undefined ? [] : [publicHost])].map((host) => host.toLowerCase()))];
  // Settings that only make sense when others call, or sign in, are a reason to ask for keys.
  const alone = loopback && !config.trustedProxy && config.oidcIssuer === undefined && allowedHosts.every(isLoopbackName);
  const mode = config.access === "auto" ? (alone ? "open" : "keys") : config.access;

  if ((config.tlsCertificate === undefined) !== (config.tlsKey === undefined)) {
    missing(config.tlsKey === undefined ? "tlsKey" : "tlsCertificate", "TLS needs the certificate and its key, both as files in PEM.");
  }
  if (!loopback) {
    if (mode === "open") missing("access", "Others can call at this address, so it cannot be open: say keys, or leave it out.");
    if (allowedHosts.length === 0) missing("allowedHosts", "Name the hosts by which it is called, such as slipway.example.com or slipway.example.com:4400.");
    if (!tls && !config.trustedProxy) {
      missing("tlsCertificate", `Give a certificate (and ${environmentName("tlsKey")}), or, where a proxy in front ends TLS and nobody can go past it, say ${environmentName("trustedProxy")}=true.`);
    }
  }
  if (config.oidcIssuer !== undefined) {
    if (config.oidcClientId === undefined) missing("oidcClientId", "Sign-in needs the client id that the provider gave.");
    if (config.publicUrl === undefined) missing("publicUrl", "Sign-in needs the address by which browsers find this server; the provider sends them back there.");
    if (mode === "open") missing("access", "A server that is open has nobody to sign in: say keys, or leave out the provider.");
  } else if (config.oidcClientId !== undefined || config.oidcClientSecret !== undefined) {
    missing("oidcIssuer", "There are settings of a client, but no provider.");
  }
  if (problems.length > 0) {
    const settings = problems.map(({ path }) => path).join(" and ");
    throw new AppError("CONFIG_INVALID", loopback ? `Settings do not fit together: ${settings}.` : `The server does not listen at ${config.host} like this; look at ${settings}.`, { problems });
  }
  return { mode, secure: tls || config.trustedProxy, allowedHosts };
}
