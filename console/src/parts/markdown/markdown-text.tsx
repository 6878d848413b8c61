import { Fragment, type ReactNode } from "react";
import type { MarkdownBlock, MarkdownInline } from "./read-markdown.ts";

/** What `readMarkdown` found, drawn. */
export function MarkdownText({ blocks }: { blocks: readonly MarkdownBlock[] }) {
  return <div className="markdown"><Blocks of={blocks} /></div>;
}

function Blocks({ of }: { of: readonly MarkdownBlock[] }): ReactNode {
  return of.map((block, index) => <Block key={index} block={block} />);
}

function Block({ block }: { block: MarkdownBlock }): ReactNode {
  switch (block.kind) {
    case "paragraph":
      return <p><Inlines of={block.of} /></p>;
    case "heading":
      // The page and its panels have the levels before.
      return <p role="heading" aria-level={Math.min(6, block.depth + 3)} className={`markdown-heading markdown-heading-${Math.min(3, block.depth)}`}><Inlines of={block.of} /></p>;
    case "code":
      return <pre className="mono" title={block.language === "" ? undefined : block.language}>{block.text}</pre>;
    case "quote":
      return <blockquote><Blocks of={block.of} /></blockquote>;
    case "list": {
      const items = block.items.map(({ checked, of }, index) => <li key={index} className={checked === null ? undefined : "markdown-task"}>{checked !== null && <input type="checkbox" checked={checked} disabled aria-label={checked ? "done" : "open"} />}<Blocks of={of} /></li>);
      return block.first === null ? <ul>{items}</ul> : <ol start={block.first}>{items}</ol>;
    }
    case "table":
      return (
        <div className="markdown-table">
          <table>
            <thead><tr>{block.head.map((cell, index) => <th key={index} scope="col"><Inlines of={cell} /></th>)}</tr></thead>
            <tbody>{block.rows.map((row, index) => <tr key={index}>{row.map((cell, column) => <td key={column}><Inlines of={cell} /></td>)}</tr>)}</tbody>
          </table>
        </div>
      );
    case "rule":
      return <hr />;
  }
}

function Inlines({ of }: { of: readonly MarkdownInline[] }): ReactNode {
  return of.map((inline, index) => <Inline key={index} inline={inline} />);
}

function Inline({ inline }: { inline: MarkdownInline }): ReactNode {
  switch (inline.kind) {
    case "text":
      return <Fragment>{inline.text}</Fragment>;
    case "code":
      return <code>{inline.text}</code>;
    case "strong":
      return <strong><Inlines of={inline.of} /></strong>;
    case "emphasis":
      return <em><Inlines of={inline.of} /></em>;
    case "deleted":
      return <del><Inlines of={inline.of} /></del>;
    case "link":
      // Somebody else wrote it: its words may not say where it leads.
      return <a href={inline.href} title={inline.href} target="_blank" rel="noreferrer noopener nofollow"><Inlines of={inline.of} /></a>;
    case "break":
      return <br />;
  }
}
