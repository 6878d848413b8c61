import { useEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { Link, useLocation } from "wouter";

export interface Tab {
  id: string;
  label: ReactNode;
  href: string;
}

/** Tabs that are addresses. Arrow keys, Home and End move between them; Tab leaves for the panel. */
export function Tabs({ label, tabs, selected }: { label: string; tabs: readonly Tab[]; selected: string }) {
  const list = useRef<HTMLDivElement>(null);
  const [, navigate] = useLocation();
  const index = tabs.findIndex((tab) => tab.id === selected);
  // On a phone the selected tab may lie beyond the edge.
  useEffect(() => {
    const row = list.current;
    const tab = row?.querySelector<HTMLElement>("[aria-selected=true]");
    if (row && tab) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }, [selected]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const target = { ArrowRight: (index + 1) % tabs.length, ArrowLeft: (index - 1 + tabs.length) % tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    list.current?.querySelectorAll<HTMLAnchorElement>("[role=tab]")[target]?.focus();
    navigate(tabs[target]!.href);
  };
  return (
    <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {tabs.map((tab) => (
        <Link key={tab.id} href={tab.href} role="tab" id={`tab-${tab.id}`} aria-controls="tab-panel" aria-selected={tab.id === selected} tabIndex={tab.id === selected ? 0 : -1}>
          {tab.label}
        </Link>
      ))}
    </div>
  );
}

export function TabPanel({ selected, children }: { selected: string; children: ReactNode }) {
  return (
    <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${selected}`} className="tab-panel">
      {children}
    </div>
  );
}
