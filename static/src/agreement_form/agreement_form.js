import { NameAndSignature } from "@web/core/signature/name_and_signature";
import { rpc } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { redirect } from "@web/core/utils/urls";
import { SignatureForm } from "@portal/signature_form/signature_form";

/** The same as core's, with names for those who hear the page. */
class AccessibleNameAndSignature extends NameAndSignature {
    static template = "sale_timesheet_cra.NameAndSignature";
}

/** The portal's signature form, with the customer's order number and their code. */
export class AgreementForm extends SignatureForm {
    static template = "sale_timesheet_cra.AgreementForm";
    static components = { NameAndSignature: AccessibleNameAndSignature };

    setup() {
        super.setup();
        Object.assign(this.state, { code: "", reference: "", sending: false });
    }

    get answer() {
        return {
            name: this.signature.name,
            signature: this.signature.getSignatureImage().split(",")[1],
            reference: this.state.reference,
            code: this.state.code,
        };
    }

    /** Send the agreement; after an error the form can be sent once more. */
    async onClickSubmit() {
        this.state.sending = true;
        this.state.error = false;
        try {
            const result = await rpc(this.props.callUrl, this.answer);
            this.state.error = result.error || false;
            if (!result.error) {
                await this.onAgreed(result);
            }
        } finally {
            this.state.sending = false;
        }
    }

    onAgreed(result) {
        redirect(result.redirect_url);
        return new Promise(() => {});
    }
}

/** One signature for all reports that are selected in the list. */
export class BulkAgreementForm extends AgreementForm {
    get answer() {
        const selected = document.querySelectorAll("input[name=cra_report]:checked");
        return {
            ...super.answer,
            report_ids: Array.from(selected, (box) => parseInt(box.value)),
        };
    }

    onAgreed(result) {
        this.state.success = result;
    }
}

const components = registry.category("public_components");
components.add("sale_timesheet_cra.agreement_form", AgreementForm);
components.add("sale_timesheet_cra.bulk_agreement_form", BulkAgreementForm);
