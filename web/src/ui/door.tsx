import { lazy, Suspense, type ReactNode } from "react";
import { useShut } from "../api/door";

const SignIn = lazy(() => import("../pages/sign_in"));

/** The pages for who is let in, else the one to sign in on. What was begun when a session ended is there afterwards. */
export function Door({ children }: { children: ReactNode }): ReactNode {
  const shut = useShut();
  return (
    <>
      {(!shut || shut.why === "over") && <div style={{ display: shut ? "none" : "contents" }}>{children}</div>}
      {shut && (
        <Suspense>
          <SignIn shut={shut} />
        </Suspense>
      )}
    </>
  );
}
