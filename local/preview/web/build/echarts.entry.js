// The parts of Apache ECharts that the preview draws with, and no others: the
// rest of the library stays out of the page.
import { init, use } from "echarts/core";
import { BarChart, CustomChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import {
  DataZoomComponent, GridComponent, MarkLineComponent, TooltipComponent,
} from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, CustomChart, LineChart, PieChart, ScatterChart,
  DataZoomComponent, GridComponent, MarkLineComponent, TooltipComponent,
  LabelLayout, CanvasRenderer,
]);

export { init };
