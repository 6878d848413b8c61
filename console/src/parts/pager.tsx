import { useEffect, useRef } from "react";
import { Link } from "wouter";
import { useQuery } from "../data/query.ts";

/** Links to the next older page and back to the newest; `before` in the address is the last entry of the page before. */
export function Pager({ older }: { older: string | number | null }) {
  const query = useQuery();
  const before = query.get("before");
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) window.scrollTo(0, 0);
    first.current = false;
  }, [before]);
  if (before === null && older === null) return null;
  return (
    <nav className="pager" aria-label="Pages">
      {before !== null && <Link href={query.href({ before: null })} className="button">Newest</Link>}
      {older !== null && <Link href={query.href({ before: String(older) })} className="button">Older</Link>}
    </nav>
  );
}
