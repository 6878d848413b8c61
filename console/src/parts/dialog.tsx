import { useEffect, useId, useRef, type ReactNode } from "react";

/** A modal dialog: the browser's own, which keeps the focus inside and gives it back. Mounted means open. */
export function Dialog({ title, onClose, children, className = "" }: { title: string; onClose: () => void; children: ReactNode; className?: string }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Who selects a text and lets go beside the dialog has clicked into nothing: only what began outside, too, closes it.
  const beganOutside = useRef(false);
  useEffect(() => {
    const dialog = element.current!;
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      className={`dialog ${className}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onPointerDown={(event) => {
        beganOutside.current = event.target === element.current;
      }}
      onClick={(event) => {
        if (event.target === element.current && beganOutside.current) onClose();
      }}
    >
      <div className="dialog-inside">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
