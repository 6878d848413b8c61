import { useState } from "react";
import { Link } from "wouter";
import { apiPath, ApiFailure, call } from "../../data/api.ts";
import { useAction } from "../../data/action.ts";
import { useNavigateFromHere, useQuery } from "../../data/query.ts";
import { invalidate } from "../../data/resource.ts";
import type { SubscriberStatus, WebhookStatus, WebhookWithSecret } from "../../data/types.ts";
import { useWebhooks } from "../../data/webhooks.ts";
import { formatCount } from "../../format.ts";
import { ActorName } from "../../parts/actor-name.tsx";
import { BackLink } from "../../parts/back-link.tsx";
import { Chip } from "../../parts/chip.tsx";
import { ConfirmDialog } from "../../parts/confirm-dialog.tsx";
import { IdText } from "../../parts/copy.tsx";
import { ErrorBox } from "../../parts/error-box.tsx";
import { ResourceView } from "../../parts/resource-view.tsx";
import { Time } from "../../parts/time.tsx";
import { usePageTitle } from "../../shell/title.ts";
import { DeliveriesPanel } from "./deliveries-panel.tsx";
import { FormatChip, toldAs } from "./webhook-format.tsx";
import { SecretDialog } from "./webhook-dialogs.tsx";

const refresh = (): void => invalidate((key) => key.startsWith("/api/webhooks"));

/** A webhook, or a part of the server that follows events: what it gets, and how each delivery went. */
export function WebhookPage({ params }: { params: { webhook: string } }) {
  const id = decodeURIComponent(params.webhook);
  const webhooks = useWebhooks();
  const webhook = webhooks.data?.webhooks.find((entry) => entry.id === id);
  const subscriber = webhooks.data?.subscribers.find((entry) => entry.id === id);
  const name = webhook?.name ?? subscriber?.name ?? "Webhook";
  usePageTitle(`${name} › Deliveries`);
  return (
    <div className="page">
      <header className="page-header">
        <nav aria-label="Breadcrumb" className="breadcrumb">
          <Link href="/events">Events</Link>
          <BackLink href="/events/webhooks">Webhooks</BackLink>
        </nav>
        <h1>{name}</h1>
        {webhook !== undefined && (webhook.pausedAt === null ? <Chip tone="good">active</Chip> : <Chip tone="warning">paused</Chip>)}
        {webhook !== undefined && <WebhookActions webhook={webhook} />}
        {webhook !== undefined && webhook.description !== "" && <p className="page-description">{webhook.description}</p>}
      </header>
      <ResourceView resource={webhooks} lines={8}>
        {() => {
          const receiver = webhook ?? subscriber;
          if (receiver === undefined) return <ErrorBox error={new ApiFailure(404, { code: "WEBHOOK_NOT_FOUND", message: "There is no such webhook, or you may not see it." })} />;
          return (
            <>
              <Facts receiver={receiver} webhook={webhook} />
              <DeliveriesPanel receiver={id} dead={receiver.dead} paused={webhook !== undefined && webhook.pausedAt !== null} isWebhook={webhook !== undefined} />
            </>
          );
        }}
      </ResourceView>
    </div>
  );
}

function Facts({ receiver, webhook }: { receiver: WebhookStatus | SubscriberStatus; webhook: WebhookStatus | undefined }) {
  return (
    <dl className="value-list panel run-facts">
      {webhook !== undefined && (
        <>
          <div className="fact-wide"><dt>URL</dt><dd>{webhook.url}</dd></div>
          <div><dt>Format</dt><dd><FormatChip format={webhook.format} /></dd></div>
          <div><dt>Team</dt><dd>{webhook.team === "*" ? "all teams" : webhook.team}</dd></div>
          <div><dt>Added</dt><dd><Time at={webhook.createdAt} /> by <ActorName actor={webhook.createdBy} /></dd></div>
        </>
      )}
      <div><dt>Pending</dt><dd>{formatCount(receiver.pending)}</dd></div>
      <div><dt>Dead</dt><dd>{formatCount(receiver.dead)}</dd></div>
      {webhook !== undefined && <div><dt>Id</dt><dd><IdText id={webhook.id} what="webhook id" /></dd></div>}
      <div className="fact-full"><dt>Events</dt><dd>{receiver.types.join(", ")}{webhook !== undefined && toldAs(webhook.detail) !== "" && <span className="cell-note">told as {toldAs(webhook.detail)}</span>}</dd></div>
    </dl>
  );
}

function WebhookActions({ webhook }: { webhook: WebhookStatus }) {
  const action = useAction();
  const query = useQuery();
  const navigate = useNavigateFromHere();
  const [secret, setSecret] = useState<WebhookWithSecret | null>(null);
  const close = (): void => query.set({ remove: null, rotate: null }, { replace: true });
  const paused = webhook.pausedAt !== null;
  return (
    <span className="header-actions cell-line">
      <button type="button" className="button button-primary" disabled={action.busy} onClick={() => action.run(() => call(apiPath`/api/webhooks/${webhook.id}/test`, { method: "POST" }), refresh)}>Send a test</button>
      <button type="button" className="button" disabled={action.busy} onClick={() => action.run(() => call(apiPath`/api/webhooks/${webhook.id}/paused`, { method: "PUT", body: JSON.stringify({ paused: !paused }) }), refresh)}>{paused ? "Resume" : "Pause"}</button>
      <button type="button" className="button" onClick={() => query.set({ rotate: "1" })}>New secret</button>
      <button type="button" className="button" onClick={() => query.set({ remove: "1" })}>Remove</button>
      {action.error !== null && <ErrorBox error={action.error} />}
      {query.get("rotate") !== null && secret === null && (
        <ConfirmDialog title={`Give ${webhook.name} a new secret?`} action="Make a new secret" onClose={close} onDone={() => undefined} work={() => call<WebhookWithSecret>(apiPath`/api/webhooks/${webhook.id}/secret`, { method: "POST" }).then(setSecret)}>
          {webhook.format === "mlflow" ? <p>It holds at once: MLflow's format has room for one signature. The receiver must know the new secret before it takes the next delivery.</p>
            : <p>For 24 hours deliveries carry signatures of both, the new secret and the one before; by then the receiver must know the new one.</p>}
        </ConfirmDialog>
      )}
      {secret !== null && <SecretDialog webhook={secret} onClose={() => { setSecret(null); close(); }} />}
      {query.get("remove") !== null && (
        <ConfirmDialog
          title={`Remove ${webhook.name}?`} action="Remove" onClose={close} onDone={() => { navigate("/events/webhooks"); invalidate((key) => key === "/api/webhooks"); }}
          work={() => call(apiPath`/api/webhooks/${webhook.id}`, { method: "DELETE" })}
        >
          <p>Nothing is sent to it any more, also not the {formatCount(webhook.pending)} pending and {formatCount(webhook.dead)} dead deliveries. To keep them for later, pause it instead.</p>
        </ConfirmDialog>
      )}
    </span>
  );
}
