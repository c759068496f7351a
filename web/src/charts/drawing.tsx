/** The chunk with ECharts: drawn as SVG, with the colours of the moment. */

import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { useEffect, useRef, type ReactNode } from "react";
import { optionsOf, type Spec } from "./spec";

use([BarChart, LineChart, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

export default function Drawing({ spec, height, scheme }: { spec: Spec; height: number; scheme: string }): ReactNode {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType>(undefined);
  useEffect(() => {
    const element = place.current!;
    const own = init(element, null, { renderer: "svg" });
    chart.current = own;
    const watch = new ResizeObserver(() => own.resize());
    watch.observe(element);
    return () => {
      watch.disconnect();
      own.dispose();
    };
  }, []);
  useEffect(() => {
    const style = getComputedStyle(document.documentElement);
    chart.current?.setOption(optionsOf(spec, (name) => style.getPropertyValue(`--${name}`).trim()), true);
  }, [spec, scheme]);
  return <div ref={place} style={{ height }} />;
}
