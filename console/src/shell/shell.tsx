import { useEffect, useState, type ReactNode } from "react";
import { Icon } from "../parts/icon.tsx";
import { CommandPalette } from "./command-palette.tsx";
import { LiveMark } from "./live-mark.tsx";
import { Navigation } from "./navigation.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { useTitle } from "./title.ts";
import { usePagePlace } from "./use-page-place.ts";

const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** What stands around every page: navigation, search, the live mark. */
export function Shell({ children }: { children: ReactNode }) {
  const [menuOpen, setMenuOpen] = useState(false);
  const [paletteOpen, setPaletteOpen] = useState(false);
  const title = useTitle();

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        setPaletteOpen((open) => !open);
      } else if (event.key === "Escape") {
        setMenuOpen(false);
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);

  usePagePlace();

  return (
    <div className={menuOpen ? "shell shell-menu-open" : "shell"}>
      <a className="skip-link" href="#content">
        Skip to the content
      </a>
      <aside className="sidebar" id="sidebar" aria-label="Sidebar">
        <Navigation onNavigate={() => setMenuOpen(false)} />
      </aside>
      {menuOpen && <button type="button" className="scrim" aria-label="Close the menu" onClick={() => setMenuOpen(false)} />}
      <header className="topbar">
        <button type="button" className="icon-button menu-button" aria-label={menuOpen ? "Close the menu" : "Open the menu"} aria-expanded={menuOpen} aria-controls="sidebar" onClick={() => setMenuOpen(!menuOpen)}>
          <Icon name={menuOpen ? "close" : "menu"} />
        </button>
        <button type="button" className="search-button" aria-haspopup="dialog" aria-keyshortcuts={isApple ? "Meta+K" : "Control+K"} onClick={() => setPaletteOpen(true)}>
          <Icon name="search" />
          <span>Search or jump to…</span>
          <kbd>{isApple ? "⌘ K" : "Ctrl K"}</kbd>
        </button>
        <LiveMark />
        <ThemeToggle />
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <div className="visually-hidden" aria-live="polite">
        {title}
      </div>
      {paletteOpen && <CommandPalette onClose={() => setPaletteOpen(false)} />}
    </div>
  );
}
