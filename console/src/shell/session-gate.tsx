import { useEffect, type ReactNode } from "react";
import { Redirect, useLocation, useSearch } from "wouter";
import { startLive } from "../data/live.ts";
import { useSession, watchSession } from "../data/session.ts";
import { Skeleton } from "../parts/resource-view.tsx";
import { returnPath } from "./return-path.ts";

/**
 * Lets readers in whom the server knows, and leads the others to the sign-in and from there back to the page that they asked
 * for. A server that does not answer is let through: every page says so itself.
 */
export function SessionGate({ signIn, children }: { signIn: ReactNode; children: ReactNode }) {
  const session = useSession();
  const [path] = useLocation();
  const search = useSearch();
  const known = session.data?.caller !== null && (session.data !== undefined || session.error !== undefined);
  useEffect(watchSession, []);
  useEffect(() => (known ? startLive() : undefined), [known]);

  const isSignIn = /^\/sign-in\/?$/.test(path);
  if (session.data === undefined && session.error === undefined) return <div className="sign-in"><Skeleton lines={3} /></div>;
  if (known) return isSignIn ? <Redirect to={returnPath(new URLSearchParams(search).get("returnTo"))} replace /> : children;
  if (isSignIn) return signIn;
  const asked = path + (search === "" ? "" : `?${search}`);
  return <Redirect to={asked === "/" ? "/sign-in" : `/sign-in?returnTo=${encodeURIComponent(asked)}`} replace />;
}
