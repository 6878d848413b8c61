import { Component, type ReactNode } from "react";

/** A fault of the console itself: says so instead of leaving an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: Error | null }> {
  override state: { failed: Error | null } = { failed: null };

  static getDerivedStateFromError(failed: Error): { failed: Error } {
    return { failed };
  }

  override render(): ReactNode {
    const { failed } = this.state;
    if (failed === null) return this.props.children;
    return (
      <div className="empty" role="alert">
        <h1>The console failed to draw this page</h1>
        <p>The server and its models are not affected. Reload the page; when it happens again, report it with this text:</p>
        <pre>{failed.message}</pre>
        <p>
          <a href={location.pathname}>Reload</a> · <a href="/models">All models</a>
        </p>
      </div>
    );
  }
}
