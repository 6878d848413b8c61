import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { useLocation } from "wouter";
import { useModels } from "../data/models.ts";
import { Icon } from "../parts/icon.tsx";
import { paletteEntries, searchPalette, type PaletteEntry } from "./palette-entries.ts";
import { chooseTheme } from "./theme.ts";

const actions: readonly PaletteEntry[] = [
  { id: "key:create", label: "Make a key…", note: "asks first", kind: "Action", href: "/settings/keys?create=1", keywords: "create api token access" },
  { id: "experiment:create", label: "Create an experiment…", note: "asks first", kind: "Action", href: "/experiments?create=1", keywords: "new mlflow tracking" },
  { id: "run:start", label: "Start a workflow…", note: "asks first", kind: "Action", href: "/workflows/definitions", keywords: "run new" },
  { id: "webhook:create", label: "Add a webhook…", note: "asks first", kind: "Action", href: "/events/webhooks?create=1", keywords: "create events url" },
  { id: "audit:verify", label: "Verify the audit log", note: "", kind: "Action", href: "/settings/audit?verify=1", keywords: "chain hash tamper" },
  { id: "theme:dark", label: "Dark theme", note: "", kind: "Action", keywords: "appearance colour night", run: () => chooseTheme("dark") },
  { id: "theme:light", label: "Light theme", note: "", kind: "Action", keywords: "appearance colour day", run: () => chooseTheme("light") },
  { id: "theme:system", label: "Theme as the system", note: "", kind: "Action", keywords: "appearance colour auto", run: () => chooseTheme("system") },
  { id: "copy:address", label: "Copy this view's address", note: "", kind: "Action", keywords: "link share url", run: () => void navigator.clipboard.writeText(location.href).catch(() => undefined) },
];

/** Search over models, versions, pages and actions. The text field keeps the focus; arrows move the selection. */
export function CommandPalette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [selected, setSelected] = useState(0);
  const [, navigate] = useLocation();
  const models = useModels().data?.models;
  const dialog = useRef<HTMLDialogElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const listId = useId();

  const entries = useMemo(() => paletteEntries(models ?? [], actions), [models]);
  const found = useMemo(() => searchPalette(entries, text), [entries, text]);

  useEffect(() => {
    const element = dialog.current!;
    const opener = document.activeElement;
    if (!element.open) element.showModal();
    return () => {
      element.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  // In braces: newer browsers answer scrolling with a promise, which React would take for a cleanup.
  useEffect(() => {
    list.current?.children[selected]?.scrollIntoView({ block: "nearest" });
  }, [selected]);

  const choose = (entry: PaletteEntry | undefined): void => {
    if (entry === undefined) return;
    onClose();
    entry.run?.();
    if (entry.href !== undefined) navigate(entry.href);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const last = found.length - 1;
    const target = { ArrowDown: selected >= last ? 0 : selected + 1, ArrowUp: selected <= 0 ? last : selected - 1, PageDown: Math.min(last, selected + 8), PageUp: Math.max(0, selected - 8) }[event.key];
    if (target !== undefined) {
      event.preventDefault();
      setSelected(Math.max(0, target));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(found[selected]);
    }
  };

  return (
    <dialog ref={dialog} className="palette" aria-label="Search or jump to" onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === dialog.current) onClose(); }}>
      <div className="palette-inside">
        <div className="palette-field">
          <Icon name="search" />
          <input
            type="text" role="combobox" aria-expanded="true" aria-controls={listId} aria-activedescendant={found[selected] === undefined ? undefined : `${listId}-${selected}`}
            aria-label="Model, version, page, action or id" placeholder="Model, version, page, action or id" autoFocus autoComplete="off" spellCheck={false}
            value={text} onKeyDown={onKeyDown} onChange={(event) => { setText(event.target.value); setSelected(0); }}
          />
          <kbd>Esc</kbd>
        </div>
        <ul ref={list} id={listId} role="listbox" aria-label="Results" className="palette-list">
          {found.map((entry, index) => (
            <li key={entry.id} id={`${listId}-${index}`} role="option" aria-selected={index === selected} onPointerMove={() => setSelected(index)} onClick={() => choose(entry)}>
              <span className="palette-kind">{entry.kind}</span>
              <span className="palette-label">{entry.label}</span>
              <span className="palette-note">{entry.note}</span>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className="palette-none">Nothing is called that. Try a model's name, a version such as v2, or the id of a prediction, run or webhook.</p>}
      </div>
    </dialog>
  );
}
