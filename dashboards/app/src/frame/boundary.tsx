// What happens when a page cannot be drawn: it says so, and the rest stays.

import { Component, type ReactNode } from "react";
import { Failure, PageHead } from "../parts/states";

export class Boundary extends Component<{ children: ReactNode }, { fault?: unknown }> {
  override state: { fault?: unknown } = {};

  static getDerivedStateFromError(fault: unknown) {
    return { fault };
  }

  override render() {
    if (this.state.fault === undefined) return this.props.children;
    return (
      <>
        <PageHead title="This page cannot be shown" />
        <Failure fault={this.state.fault} again={() => location.reload()} />
      </>
    );
  }
}
