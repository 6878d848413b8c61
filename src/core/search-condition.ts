/** What a comparison looks at: a fact of the object itself, or an entry of one of its maps. */
export interface SearchField {
  kind: "attribute" | "metric" | "param" | "tag" | "dataset" | "span" | "feedback" | "expectation";
  /** Of attributes: the name that the domain uses, such as `startTime`; of datasets `name`, `digest` or `context`, and of logged models `measured`; of spans `name`, `type`, `status`, `content` or `attributes.KEY`. */
  key: string;
  /** Of metrics of logged models: only those about one of these. Of the dataset `measured`: which these are. */
  datasets?: readonly { name: string; digest?: string }[];
}

/** One comparison; a search is the conjunction of some. Whatever lacks the field never matches, also not `!=`, but for `absentMatches` and `IS NULL`. */
export type SearchCondition = SearchField & (
  | { operator: "=" | "!=" | ">" | ">=" | "<" | "<="; value: string | number; absentMatches?: true }
  /** LIKE minds the case, ILIKE does not; `%` and `_` as in SQL, no escape character. */
  | { operator: "LIKE" | "ILIKE"; value: string }
  | { operator: "IN" | "NOT IN"; value: readonly string[] }
  /** Whether it lacks the field; for entries of maps alone. */
  | { operator: "IS NULL" | "IS NOT NULL" }
);

/** NaN sorts after all numbers and what lacks the field last, both ways. */
export interface SearchOrder extends SearchField {
  descending: boolean;
}

/** A part of a list; `next` leads to the rest, and is null at the end. Opaque: only the store that made it reads it. */
export interface Page<Item> {
  items: Item[];
  next: string | null;
}
