/** A few choices side by side, of which one holds. */
export function Segmented({ label, value, options, onChange }: {
  label: string;
  value: string;
  options: readonly { id: string; label: string; title?: string }[];
  onChange: (id: string) => void;
}) {
  return (
    <div className="segmented" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.id} type="button" aria-pressed={option.id === value} title={option.title} onClick={() => onChange(option.id)}>
          {option.label}
        </button>
      ))}
    </div>
  );
}
