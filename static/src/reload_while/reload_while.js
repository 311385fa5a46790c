import { registry } from "@web/core/registry";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, useEffect, xml } from "@odoo/owl";

const INTERVAL = 2000; // milliseconds

/** Loads a form anew as long as one of its fields says that work goes on. */
export class ReloadWhile extends Component {
    static template = xml``;
    static props = {
        ...standardWidgetProps,
        field: { type: String },
        value: { type: String },
    };

    setup() {
        useEffect(
            (isRunning) => {
                if (!isRunning) {
                    return;
                }
                const timer = setInterval(() => this.props.record.load(), INTERVAL);
                return () => clearInterval(timer);
            },
            () => [this.props.record.data[this.props.field] === this.props.value]
        );
    }
}

registry.category("view_widgets").add("reload_while", {
    component: ReloadWhile,
    extractProps: ({ attrs }) => ({ field: attrs.field, value: attrs.value }),
});
