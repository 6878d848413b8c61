import { Lexer, type Token, type Tokens } from "marked";

/** Within a line. Addresses are those that a browser may open: http, https and mailto. */
export type MarkdownInline =
  | { kind: "text" | "code"; text: string }
  | { kind: "strong" | "emphasis" | "deleted"; of: MarkdownInline[] }
  | { kind: "link"; href: string; of: MarkdownInline[] }
  | { kind: "break" };

export type MarkdownBlock =
  | { kind: "paragraph"; of: MarkdownInline[] }
  | { kind: "heading"; depth: number; of: MarkdownInline[] }
  | { kind: "code"; text: string; language: string }
  | { kind: "quote"; of: MarkdownBlock[] }
  | { kind: "list"; first: number | null; items: { checked: boolean | null; of: MarkdownBlock[] }[] }
  | { kind: "table"; head: MarkdownInline[][]; rows: MarkdownInline[][][] }
  | { kind: "rule" };

/** Characters: what is longer is shown as it was written. */
const mostRead = 20_000;
/** What is nested deeper is shown as it was written. */
const deepest = 12;

/**
 * Markdown (GitHub's) as a tree that is drawn without a word of HTML. HTML in the text stays text; images are named and never loaded, since they may
 * come from anywhere. Null where the text says nothing that its characters do not, is too long, or cannot be read.
 */
export function readMarkdown(text: string): MarkdownBlock[] | null {
  if (text.length > mostRead) return null;
  try {
    const blocks = blocksOf(new Lexer({ gfm: true }).lex(text), 0);
    return blocks.every(({ kind, ...block }) => kind === "paragraph" && (block as { of: MarkdownInline[] }).of.every((inline) => inline.kind === "text")) ? null : blocks;
  } catch {
    return null;
  }
}

function blocksOf(tokens: readonly Token[], depth: number): MarkdownBlock[] {
  return tokens.flatMap((token) => (token.type === "space" ? [] : [blockOf(token, depth)]));
}

function blockOf(token: Token, depth: number): MarkdownBlock {
  const asWritten: MarkdownBlock = { kind: "paragraph", of: [{ kind: "text", text: token.raw }] };
  if (depth > deepest) return asWritten;
  switch (token.type) {
    case "paragraph":
    case "text":
      return { kind: "paragraph", of: inlinesOf(token as Tokens.Paragraph, depth) };
    case "heading":
      return { kind: "heading", depth: (token as Tokens.Heading).depth, of: inlinesOf(token as Tokens.Heading, depth) };
    case "code":
      return { kind: "code", text: (token as Tokens.Code).text, language: (token as Tokens.Code).lang ?? "" };
    case "blockquote":
      return { kind: "quote", of: blocksOf((token as Tokens.Blockquote).tokens, depth + 1) };
    case "list": {
      const { ordered, start, items } = token as Tokens.List;
      return { kind: "list", first: ordered ? Number(start) : null, items: items.map((item) => ({ checked: item.task ? item.checked === true : null, of: blocksOf(item.tokens.filter(({ type }) => type !== "checkbox"), depth + 1) })) };
    }
    case "table": {
      const { header, rows } = token as Tokens.Table;
      return { kind: "table", head: header.map((cell) => inlinesOf(cell, depth)), rows: rows.map((row) => row.map((cell) => inlinesOf(cell, depth))) };
    }
    case "hr":
      return { kind: "rule" };
    default:
      return asWritten;
  }
}

function inlinesOf({ tokens, text }: { tokens?: Token[]; text: string }, depth: number): MarkdownInline[] {
  return tokens === undefined ? [{ kind: "text", text }] : tokens.flatMap((token) => inlineOf(token, depth + 1));
}

function inlineOf(token: Token, depth: number): MarkdownInline[] {
  const asWritten: MarkdownInline[] = [{ kind: "text", text: token.raw }];
  if (depth > deepest) return asWritten;
  switch (token.type) {
    case "text":
      return inlinesOf(token as Tokens.Text, depth);
    case "escape":
      return [{ kind: "text", text: (token as Tokens.Escape).text }];
    case "strong":
      return [{ kind: "strong", of: inlinesOf(token as Tokens.Strong, depth) }];
    case "em":
      return [{ kind: "emphasis", of: inlinesOf(token as Tokens.Em, depth) }];
    case "del":
      return [{ kind: "deleted", of: inlinesOf(token as Tokens.Del, depth) }];
    case "codespan":
      return [{ kind: "code", text: (token as Tokens.Codespan).text }];
    case "br":
      return [{ kind: "break" }];
    case "link": {
      const { href } = token as Tokens.Link;
      return /^(https?:\/\/|mailto:)/i.test(href) ? [{ kind: "link", href, of: inlinesOf(token as Tokens.Link, depth) }] : asWritten;
    }
    default:
      return asWritten;
  }
}
