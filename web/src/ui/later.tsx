/** Dialogs whose code comes when they are first opened; then they stay, so that focus goes back to where it was. */

import { lazy, Suspense, useState, type ComponentType, type ReactNode } from "react";

interface Dialog {
  opened: boolean;
  close: () => void;
}

export function later<P extends Dialog>(load: () => Promise<{ default: ComponentType<P> }>): (props: P) => ReactNode {
  const Own = lazy(load) as unknown as ComponentType<P>;
  return function Later(props) {
    const [ever, setEver] = useState(props.opened);
    if (props.opened && !ever) setEver(true);
    return <Suspense>{ever && <Own {...props} />}</Suspense>;
  };
}
