/** How the reader left a page: with what filters, and how far down. */
export interface Place {
  search: string;
  scroll: number;
}

/** So many pages are remembered, the last left ones: one tab may stay open for weeks. */
const maxPlaces = 200;

/** Pages that share a path and are told apart by their search. */
const pageParameters = ["tab", "of"];

/** Where the reader was on each page of this tab, so that the way back to a list leads to the same rows. */
export class LeftPlaces {
  readonly #places = new Map<string, Place>();

  remember(path: string, search: string, scroll: number): void {
    const key = pageKey(path, search);
    this.#places.delete(key);
    this.#places.set(key, { search, scroll });
    for (const oldest of [...this.#places.keys()].slice(0, Math.max(0, this.#places.size - maxPlaces))) this.#places.delete(oldest);
  }

  find(path: string, search: string): Place | undefined {
    return this.#places.get(pageKey(path, search));
  }

  /** The page as it was left; the plain page where it was not open yet. */
  hrefOf(page: string): string {
    const [path = "", search = ""] = page.split("?");
    const left = this.find(path, search);
    return left === undefined || left.search === "" ? page : `${path}?${left.search}`;
  }
}

function pageKey(path: string, search: string): string {
  const parameters = new URLSearchParams(search);
  return [path, ...pageParameters.map((name) => parameters.get(name) ?? "")].join("\n");
}

export const leftPlaces = new LeftPlaces();
