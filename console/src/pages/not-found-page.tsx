import { Link, useLocation } from "wouter";
import { useModels } from "../data/models.ts";
import { usePageTitle } from "../shell/title.ts";

/** An address that leads nowhere: says so, and offers what is near. */
export function NotFoundPage() {
  usePageTitle("Not found");
  const [path] = useLocation();
  const models = useModels().data?.models ?? [];
  const words = path.toLowerCase().split(/[/\-_.]+/).filter((word) => word.length > 2);
  const near = models.filter(({ name }) => words.some((word) => name.toLowerCase().includes(word))).slice(0, 5);
  return (
    <div className="page">
      <div className="empty">
        <h1>There is no page here</h1>
        <p><code>{path}</code> is not an address of this console.</p>
        {near.length > 0 && (
          <p>
            Perhaps: {near.map(({ name }, index) => <span key={name}>{index > 0 && ", "}<Link href={`/models/${name}`}>{name}</Link></span>)}
          </p>
        )}
        <p>
          Go to <Link href="/models">all models</Link> or the <Link href="/docs">API reference</Link>, or press <kbd>Ctrl K</kbd> to search.
        </p>
      </div>
    </div>
  );
}
