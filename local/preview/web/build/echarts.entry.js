// The parts of Apache ECharts that the preview draws with, and no others: the
// rest of the library stays out of the page.
import { init, use } from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart, PieChart, ScatterChart } from "echarts/charts";
import {
  DataZoomComponent, GridComponent, TooltipComponent, VisualMapContinuousComponent,
} from "echarts/components";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";

use([
  BarChart, CustomChart, HeatmapChart, LineChart, PieChart, ScatterChart,
  DataZoomComponent, GridComponent, TooltipComponent, VisualMapContinuousComponent,
  LabelLayout, CanvasRenderer,
]);

export { init };
