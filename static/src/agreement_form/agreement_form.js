import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { redirect } from "@web/core/utils/urls";
import { SignatureForm } from "@portal/signature_form/signature_form";

/** The portal's signature form, with the customer's order number. */
export class AgreementForm extends SignatureForm {
    static template = "sale_timesheet_cra.AgreementForm";

    setup() {
        super.setup();
        Object.assign(this.state, { reference: "", sending: false });
    }

    /** Send the agreement; after an error the form can be sent once more. */
    async onClickSubmit() {
        this.state.sending = true;
        try {
            const answer = await rpc(this.props.callUrl, {
                name: this.signature.name,
                signature: this.signature.getSignatureImage().split(",")[1],
                reference: this.state.reference,
            });
            if (answer.redirect_url) {
                redirect(answer.redirect_url);
                return new Promise(() => {});
            }
            this.state.error = answer.error;
        } finally {
            this.state.sending = false;
        }
    }
}

registry
    .category("public_components")
    .add("sale_timesheet_cra.agreement_form", AgreementForm);
