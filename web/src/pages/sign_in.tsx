import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type FormEvent, type ReactNode } from "react";
import { Problem, signIn, type Session } from "../api/client";
import type { Shut } from "../api/door";
import { Button } from "../ui/controls";
import { Banner } from "../ui/page";
import css from "./sign_in.module.css";

const LONGEST = 2000;
const SAYS = {
  stranger: "Say who you are to see this page.",
  over: "Your session is over. Sign in again, and this page is as you left it.",
  out: "You are signed out.",
} as const;

/** With a token, or at the provider's; the address stays, so one comes where one wanted to go. */
export default function SignIn({ shut }: { shut: Shut }): ReactNode {
  const client = useQueryClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const before = document.title;
    document.title = "Sign in · Tenantry";
    return () => {
      document.title = before;
    };
  }, []);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget).get("token") ?? "").trim();
    setBusy(true);
    setProblem(null);
    signIn(token)
      .then((who) => {
        const before = client.getQueryData<Session>(["session"]);
        // The same person finds what they left; somebody else must not see a figure of theirs.
        void (before?.name === who.name && before.role === who.role && before.tenant_id === who.tenant_id ? client.invalidateQueries() : client.resetQueries());
      })
      .catch((error: unknown) => setProblem(error as Problem))
      .finally(() => setBusy(false));
  };
  return (
    <main className={css.page}>
      <div className={css.card}>
        <h1>Sign in</h1>
        <p role="status">{SAYS[shut.why]}</p>
        {!window.isSecureContext && <Banner>Browsers keep a session over HTTPS alone. Open this service at its https address.</Banner>}
        {shut.login && (
          <>
            <Button component="a" href={provider(shut.login)} fullWidth>
              Sign in with your organisation
            </Button>
            <p className={css.or}>or with a token</p>
          </>
        )}
        <form onSubmit={submit}>
          <label htmlFor="token">Token</label>
          <input id="token" name="token" type="password" autoComplete="current-password" required maxLength={200} placeholder="tny_…" autoFocus={!shut.login}
            aria-describedby={problem ? "refused" : "about-token"} aria-invalid={problem !== null} />
          {problem && (
            <p id="refused" role="alert" className={css.refused}>
              {problem.detail} {problem.status === 401 ? "" : problem.hint}
            </p>
          )}
          <Button type="submit" loading={busy} variant={shut.login ? "default" : "filled"} fullWidth>
            Sign in
          </Button>
        </form>
        <p id="about-token" className={css.quiet}>
          An administrator makes tokens: <code>tenantry token create NAME --role viewer</code>. This browser keeps a cookie that no script reads, not the token.
        </p>
      </div>
    </main>
  );
}

function provider(login: string): string {
  const whole = location.pathname + location.search;
  const to = whole.length > LONGEST ? location.pathname : whole;
  return new URL(`.${login}?to=${encodeURIComponent(to)}`, document.baseURI).href;
}
