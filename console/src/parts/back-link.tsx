import type { MouseEvent, ReactNode } from "react";
import { Link } from "wouter";
import { leftPlaces } from "../data/left-places.ts";
import { comeBack } from "../shell/use-page-place.ts";

/** Leads from one thing back to the list of all, as the reader left it: its filters, its page, its row. `href` is the plain list. */
export function BackLink({ href, children }: { href: string; children: ReactNode }) {
  return <Link href={leftPlaces.hrefOf(href)} onClick={onClick}>{children}</Link>;
}

/** With these keys it is opened elsewhere, and this page stays. */
function onClick({ ctrlKey, metaKey, shiftKey }: MouseEvent): void {
  if (!ctrlKey && !metaKey && !shiftKey) comeBack();
}
