import { experimental, ServerCredentials } from "@grpc/grpc-js";
import type { TlsMaterial, TlsSource } from "../core/tls-source.ts";

type IdentityListener = Parameters<Parameters<typeof experimental.createCertificateProviderServerCredentials>[0]["addIdentityCertificateListener"]>[0];

/** Plain, or over TLS with a certificate that is renewed while the server runs. */
export function credentialsOf(tls: TlsSource | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const offs = new Map<IdentityListener, () => void>();
  // Not a copy: the library's own provider reads files, and would take a half-written pair. Its first parameter is the server's identity.
  return experimental.createCertificateProviderServerCredentials(
    {
      addIdentityCertificateListener(listener) {
        const tell = ({ certificate, key }: TlsMaterial): void => listener({ certificate: Buffer.from(certificate), privateKey: Buffer.from(key) });
        offs.set(listener, tls.onChange(tell));
        // The library wants it after the listener is known.
        process.nextTick(() => tell(tls.current));
      },
      removeIdentityCertificateListener: (listener) => offs.get(listener)?.(),
      addCaCertificateListener: () => undefined,
      removeCaCertificateListener: () => undefined,
    },
    null,
    false,
  );
}
